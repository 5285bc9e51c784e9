{{- /* Written by 'make generate'; edit its source instead. */}}
{{- define "agentcard-operator.apiGroup" }}agent.kagenti.dev{{ end }}
{{- define "agentcard-operator.typeLabel" }}kagenti.io/type=agent{{ end }}
{{- define "agentcard-operator.protocolLabel" }}protocol.kagenti.io/a2a{{ end }}
