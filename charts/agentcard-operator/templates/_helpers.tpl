{{- define "agentcard-operator.fullname" -}}
{{- if .Values.fullnameOverride }}{{ .Values.fullnameOverride }}
{{- else if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- /* The name label is fixed: the operator knows its own pods by it, in the NetworkPolicies that it writes. */}}
{{- define "agentcard-operator.selectorLabels" -}}
app.kubernetes.io/name: agentcard-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "agentcard-operator.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{ include "agentcard-operator.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "agentcard-operator.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}{{ default (include "agentcard-operator.fullname" .) .Values.serviceAccount.name }}
{{- else }}{{ default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "agentcard-operator.username" -}}
system:serviceaccount:{{ .Release.Namespace }}:{{ include "agentcard-operator.serviceAccountName" . }}
{{- end }}

{{- /* Admission policies reach as far as the operator does. */}}
{{- define "agentcard-operator.watchedNamespaces" -}}
{{- with get .Values.config "namespaces" -}}
namespaceSelector:
  matchExpressions:
    - { key: kubernetes.io/metadata.name, operator: In, values: {{ ternary . (splitList "," (toString .)) (kindIs "slice" .) | toJson }} }
{{- end }}
{{- end }}

{{- /* YAML takes an unquoted off for false. */}}
{{- define "agentcard-operator.enforcementMode" -}}
{{- ternary "off" .Values.enforcement.mode (eq (toString .Values.enforcement.mode) "false") }}
{{- end }}

{{- /* The port of a [host]:port flag (config, flag, default); empty when 0 turns it off. */}}
{{- define "agentcard-operator.port" -}}
{{- $config := index . 0 }}{{ $flag := index . 1 }}
{{- $address := ternary (toString (get $config $flag)) (index . 2) (hasKey $config $flag) }}
{{- if ne $address "0" }}{{ splitList ":" $address | last }}{{ end }}
{{- end }}

{{- /* A flag's text: objects as JSON, lists by commas, the rest as it is. */}}
{{- define "agentcard-operator.flagText" -}}
{{- if not (kindIs "slice" .) }}{{ toString . }}
{{- else if and . (kindIs "map" (first .)) }}{{ toJson . }}
{{- else if . }}{{ join "," . }}
{{- end }}
{{- end }}

{{- /* Not empty when a way of verifying agents is on, which needs the Workload API. */}}
{{- define "agentcard-operator.verifies" -}}
{{- if or .Values.verifiedFetch.enabled .Values.signatureVerification.enabled }}true{{ end }}
{{- end }}

{{- /* What a wrong combination would break later is said before anything is installed. */}}
{{- define "agentcard-operator.check" -}}
{{- $twins := dict
  "enable-verified-fetch" "verifiedFetch.enabled"
  "trust-domain" "verifiedFetch.trustDomain"
  "spiffe-endpoint-socket" "verifiedFetch.spiffeEndpointSocket"
  "enable-signature-verification" "signatureVerification.enabled"
  "enforcement" "enforcement.mode"
  "leader-elect" "replicas" }}
{{- range $flag, $value := $twins }}
{{- if hasKey $.Values.config $flag }}{{ fail (printf "config.%s: set %s instead" $flag $value) }}{{ end }}
{{- end }}
{{- if and (include "agentcard-operator.verifies" .) (not .Values.verifiedFetch.trustDomain) }}
{{- fail "verifiedFetch.trustDomain is empty: set it to your SPIRE server's trust domain, for example example.org" }}
{{- end }}
{{- if and (eq (toString .Values.enforcement.mode) "enforce") (not (include "agentcard-operator.verifies" .)) }}
{{- fail "enforcement.mode=enforce needs a way to verify agents: set verifiedFetch.enabled=true and verifiedFetch.trustDomain" }}
{{- end }}
{{- end }}
