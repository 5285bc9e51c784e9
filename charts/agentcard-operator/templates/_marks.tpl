{{- /* Written by 'make generate'; edit its source instead. */}}
{{- define "agentcard-operator.markLabels" }}["agent.kagenti.dev/signature-verified","agent.kagenti.dev/identity"]{{ end }}
{{- define "agentcard-operator.markAnnotations" }}["agent.kagenti.dev/attested"]{{ end }}
