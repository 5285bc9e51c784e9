{{- define "agentcard-operator.fullname" -}}
{{- if .Values.fullnameOverride }}{{ .Values.fullnameOverride }}
{{- else if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- /* Of a Job or a Pod, which becomes a label of 63 characters: (list $ suffix). The release's own name, at most 53, stays whole. */}}
{{- define "agentcard-operator.hookName" -}}
{{- $suffix := index . 1 }}
{{- printf "%s-%s" (include "agentcard-operator.fullname" (index . 0) | trunc (int (sub 62 (len $suffix))) | trimSuffix "-") $suffix }}
{{- end }}

{{- define "agentcard-operator.chartLabel" -}}
{{- printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- /* The name label is fixed: the operator knows its own pods by it, in the NetworkPolicies that it writes. */}}
{{- define "agentcard-operator.selectorLabels" -}}
app.kubernetes.io/name: agentcard-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "agentcard-operator.labels" -}}
helm.sh/chart: {{ include "agentcard-operator.chartLabel" . }}
{{ include "agentcard-operator.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "agentcard-operator.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}{{ default (include "agentcard-operator.fullname" .) .Values.serviceAccount.name }}
{{- else }}{{ default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "agentcard-operator.image" -}}
{{- $repository := required "image.repository: name the image, as pushed after make image" .Values.image.repository }}
{{- if .Values.image.digest }}{{ $repository }}@{{ .Values.image.digest }}
{{- else }}{{ $repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}
{{- end }}

{{- /* What restricted Pod Security asks for. OpenShift gives pods a user of their namespace's range, and refuses any other. */}}
{{- define "agentcard-operator.podSecurityContext" -}}
runAsNonRoot: true
{{- range $key := list "runAsUser" "runAsGroup" }}
{{- $given := get $.Values.podSecurityContext $key }}
{{- if ne (toString $given) "auto" }}
{{- with $given }}
{{ $key }}: {{ int64 . }}
{{- end }}
{{- else if not ($.Capabilities.APIVersions.Has "security.openshift.io/v1") }}
{{ $key }}: 65532
{{- end }}
{{- end }}
seccompProfile: { type: RuntimeDefault }
{{- end }}

{{- define "agentcard-operator.containerSecurityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
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

{{- /* Where metrics are served; whoever asks for one of their readers wants them. */}}
{{- define "agentcard-operator.metricsAddress" -}}
{{- $wanted := or .Values.metrics.podMonitor.enabled .Values.metrics.rules.enabled .Values.metrics.dashboard.enabled }}
{{- ternary (toString (get .Values.config "metrics-bind-address")) (ternary ":8080" "0" $wanted) (hasKey .Values.config "metrics-bind-address") }}
{{- end }}

{{- /* A flag's text: objects as JSON, lists by commas, the rest as it is. */}}
{{- define "agentcard-operator.flagText" -}}
{{- if not (kindIs "slice" .) }}{{ toString . }}
{{- else if and . (kindIs "map" (first .)) }}{{ toJson . }}
{{- else if . }}{{ join "," . }}
{{- end }}
{{- end }}

{{- /* Not empty when a way of verifying agents is on. */}}
{{- define "agentcard-operator.verifies" -}}
{{- if or .Values.verifiedFetch.enabled .Values.signatureVerification.enabled }}true{{ end }}
{{- end }}

{{- /* Not empty when that needs the Workload API: for our own SVID, or for the bundle that signatures are held against. */}}
{{- define "agentcard-operator.workloadAPI" -}}
{{- $ownBundle := or (get .Values.config "trust-bundle-file") (get .Values.config "trust-bundle-configmap") }}
{{- if or .Values.verifiedFetch.enabled (and .Values.signatureVerification.enabled (not $ownBundle)) }}true{{ end }}
{{- end }}

{{- /* Not empty when something of the whole cluster is to be made: (list $ value). With auto, where the operator has rights on the cluster. */}}
{{- define "agentcard-operator.clusterWide" -}}
{{- $wanted := toString (index . 1) }}
{{- if or (eq $wanted "true") (and (eq $wanted "auto") (not (include "agentcard-operator.namespaces" (index . 0)))) }}true{{ end }}
{{- end }}

{{- /* The namespaces that are watched, by commas; empty = all. */}}
{{- define "agentcard-operator.namespaces" -}}
{{- $given := include "agentcard-operator.flagText" (get .Values.config "namespaces" | default "") }}
{{- range $index, $name := splitList "," $given }}{{ if $index }},{{ end }}{{ trim $name }}{{ end }}
{{- end }}

{{- /* The DNS Services whose policies are made. A Role in a namespace that is not there would fail the installation, so
       in namespaced mode OpenShift's is not among the defaults. */}}
{{- define "agentcard-operator.dnsService" -}}
{{- include "agentcard-operator.flagText" (get .Values.config "dns-service" | default "kube-system/kube-dns") }}
{{- end }}

{{- /* Namespaces of the API server's and the DNS Services, by commas. */}}
{{- define "agentcard-operator.infrastructure" -}}
{{- $names := list "default" }}
{{- range splitList "," (include "agentcard-operator.dnsService" .) }}{{ $names = append $names (splitList "/" (trim .) | first) }}{{ end }}
{{- uniq $names | join "," }}
{{- end }}

{{- /* Where the trust bundle's ConfigMap is, as JSON. */}}
{{- define "agentcard-operator.bundle" -}}
{{- $parts := splitList "/" (get .Values.config "trust-bundle-configmap" | default "/") }}
{{- dict "namespace" (first $parts) "name" (last $parts) | toJson }}
{{- end }}

{{- /* Labels and annotations of what exists for the clean-up before the release is uninstalled: (list $ weight). */}}
{{- define "agentcard-operator.cleanupMeta" -}}
{{- $root := index . 0 -}}
labels:
  helm.sh/chart: {{ include "agentcard-operator.chartLabel" $root }}
  app.kubernetes.io/name: agentcard-cleanup
  app.kubernetes.io/instance: {{ $root.Release.Name }}
  app.kubernetes.io/managed-by: {{ $root.Release.Service }}
annotations:
  helm.sh/hook: pre-delete
  helm.sh/hook-weight: {{ index . 1 | quote }}
  helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end }}

{{- /* Not empty when a ClusterSPIFFEID is wanted. With auto, where mutual TLS is on and the operator has rights on the cluster. */}}
{{- define "agentcard-operator.wantsEntry" -}}
{{- $create := .Values.spiffe.clusterSPIFFEID.create }}
{{- if or .Values.verifiedFetch.enabled (ne (toString $create) "auto") }}{{ include "agentcard-operator.clusterWide" (list . $create) }}{{ end }}
{{- end }}

{{- /* Not empty when it is wanted and its kind is there. */}}
{{- define "agentcard-operator.registers" -}}
{{- if and (include "agentcard-operator.wantsEntry" .) (.Capabilities.APIVersions.Has "spire.spiffe.io/v1alpha1/ClusterSPIFFEID") }}true{{ end }}
{{- end }}

{{- /* Kept values bring no defaults of what this chart added since; a template would end over them in words of Go. */}}
{{- define "agentcard-operator.checkKept" -}}
{{- range $path := fromJsonArray (include "agentcard-operator.neededValues" .) }}
{{- $found := $.Values }}
{{- range splitList "." $path }}{{ $found = get $found . }}{{ end }}
{{- if or (kindIs "invalid" $found) (eq (toString $found) "") }}
{{- fail (printf "the values lack %s, which this chart brings: they were kept of an older one, or it was set to null. Upgrade with --reset-then-reuse-values in place of --reuse-values" $path) }}
{{- end }}
{{- end }}
{{- end }}

{{- /* What a wrong combination would break later is said before anything is installed. */}}
{{- define "agentcard-operator.check" -}}
{{- $twins := dict
  "enable-verified-fetch" "verifiedFetch.enabled"
  "trust-domain" "verifiedFetch.trustDomain"
  "agent-tls-port-name" "verifiedFetch.agentTLSPortName"
  "spiffe-endpoint-socket" "verifiedFetch.spiffeEndpointSocket"
  "enable-signature-verification" "signatureVerification.enabled"
  "enforcement" "enforcement.mode"
  "leader-elect" "replicas" }}
{{- if eq (toString .Values.enabled) "false" }}
{{- fail "enabled=false is for a chart that depends on this one: give its dependency condition: agentcard-operator.enabled. Without one, helm uninstall turns the operator off" }}
{{- end }}
{{- range .Values.extraEnv }}
{{- if hasPrefix "AGENTCARD_" (toString .name) }}
{{- fail (printf "extraEnv: %s is a flag: set config.%s instead" .name (.name | trimPrefix "AGENTCARD_" | lower | replace "_" "-")) }}
{{- end }}
{{- end }}
{{- range $flag, $value := $twins }}
{{- if hasKey $.Values.config $flag }}{{ fail (printf "config.%s: set %s instead" $flag $value) }}{{ end }}
{{- end }}
{{- range $flag := list "metrics-bind-address" "health-probe-bind-address" }}
{{- $address := toString (get $.Values.config $flag) }}
{{- if regexMatch "^[1-9][0-9]*$" $address }}{{ fail (printf "config.%s: write \":%s\" for port %s, or 0 for nowhere" $flag $address $address) }}{{ end }}
{{- end }}
{{- $required := include "agentcard-operator.flagText" (get .Values.config "require") }}
{{- if and (contains "mtls" $required) (not .Values.verifiedFetch.enabled) }}
{{- fail "config.require names mtls, which is off: set verifiedFetch.enabled=true" }}
{{- end }}
{{- if and (contains "signature" $required) (not .Values.signatureVerification.enabled) }}
{{- fail "config.require names signature, which is off: set signatureVerification.enabled=true" }}
{{- end }}
{{- if and (get .Values.config "trust-bundle-file") (get .Values.config "trust-bundle-configmap") }}
{{- fail "config.trust-bundle-file and config.trust-bundle-configmap name one bundle each: set one of both" }}
{{- end }}
{{- if and (get .Values.config "floor-allowed-ids") (ne (toString (get .Values.config "strict-binding")) "floor") }}
{{- fail "config.floor-allowed-ids counts under config.strict-binding=floor alone: set that too, or leave it out" }}
{{- end }}
{{- if and (eq (toString (get .Values.config "profiling")) "true") (eq (include "agentcard-operator.metricsAddress" .) "0") }}
{{- fail "config.profiling needs metrics: set config.metrics-bind-address=:8080" }}
{{- end }}
{{- $_ := include "agentcard-operator.image" . }}
{{- if and (include "agentcard-operator.namespaces" .) (eq (toString .Values.spiffe.clusterSPIFFEID.create) "true") }}
{{- fail "config.namespaces asks for Roles alone, and a ClusterSPIFFEID is the cluster's: set spiffe.clusterSPIFFEID.create=false" }}
{{- end }}
{{- if and .Values.metrics.podMonitor.enabled (eq (include "agentcard-operator.metricsAddress" .) "0") }}
{{- fail "metrics.podMonitor.enabled needs metrics: remove config.metrics-bind-address=0" }}
{{- end }}
{{- if and (include "agentcard-operator.verifies" .) (not .Values.verifiedFetch.trustDomain) }}
{{- fail "verifiedFetch.trustDomain is empty: set it to your SPIRE server's trust domain, for example example.org" }}
{{- end }}
{{- if and (include "agentcard-operator.workloadAPI" .) (not .Values.verifiedFetch.spiffeEndpointSocket) }}
{{- fail "verifiedFetch.spiffeEndpointSocket is empty: name the socket of the Workload API, as values.yaml does" }}
{{- end }}
{{- if and (eq (toString .Values.enforcement.mode) "enforce") (not (include "agentcard-operator.verifies" .)) }}
{{- fail "enforcement.mode=enforce needs a way to verify agents: set verifiedFetch.enabled=true and verifiedFetch.trustDomain" }}
{{- end }}
{{- end }}
