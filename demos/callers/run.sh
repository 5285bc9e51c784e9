#!/usr/bin/env bash
# Who may call whom, in one namespace: a list in audit, enforced, changed; a caller in quarantine; the operator away.
#
# Needs a cluster with the operator (mutual TLS on), SPIRE, and a network that enforces policies: `make demo-node` starts one.
#
#   KUBECTL    kubectl                         the client, and its kubeconfig by the usual variable
#   AGENTCARD  npx --no-install kubectl-agentcard
#   IMAGE      localhost/agentcard-operator:demo   the operator's image, which holds the test agent
#   OPERATOR   agentcard-operator              its Deployment in namespace agentcard-system
set -euo pipefail
cd "$(dirname "$0")"
namespace=callers-demo
. ../steps.sh
operator=${OPERATOR:-agentcard-operator}

# The list of ledger: <name>…
callers() {
  local list='' name
  for name in "$@"; do list+="${list:+,}{\"agentCard\":{\"name\":\"$name\"}}"; done
  echo "ledger may be called by: ${*:-nobody}"
  k patch agentcard ledger --type=merge --patch "{\"spec\":{\"callers\":[$list]}}" >/dev/null
}

scale() {
  "${kubectl[@]}" -n agentcard-system scale "deployment/$operator" --replicas="$1" >/dev/null
}

heading 'Audit: a list of callers, and what it would cut'
"${kubectl[@]}" create namespace "$namespace" --dry-run=client -o yaml | "${kubectl[@]}" apply -f - >/dev/null
mode audit
for name in ledger planner guest; do sed "s#IMAGE#$image#; s#NAME#$name#" agent.yaml; done | k apply -f - >/dev/null
k wait pods --all --for=condition=Ready --timeout=120s >/dev/null
callers planner
for name in ledger planner guest; do until_says "$name" Ready ReadyToServe; done
until_says ledger CallersEnforced Audit
"${agentcard[@]}" explain ledger -n "$namespace" | sed -n '/enforcing would close it to/,$p' |
  grep -E "enforcing|$namespace/" | sed 's/^[ │├└─]*/  /'
packets <<'END'
planner ledger passes
guest ledger passes
END

heading 'Enforce: packets follow the list'
mode enforce
until_says ledger CallersEnforced Enforced
k get agentcard ledger -o 'jsonpath={range .status.callers[*]}{.who} is {.ids[0]}{"\n"}{end}'
packets <<'END'
planner ledger passes
guest ledger stopped
planner guest passes
END

heading 'A caller is added, and one is taken off'
callers planner guest
packets <<'END'
planner ledger passes
guest ledger passes
END
callers guest
packets <<'END'
planner ledger stopped
guest ledger passes
END

heading 'A caller in quarantine is none, whatever the list says'
"${agentcard[@]}" quarantine guest -n "$namespace" --reason 'incident 7'
until_says guest Ready Quarantined
packets <<'END'
guest ledger stopped
END
"${agentcard[@]}" release guest -n "$namespace"
until_says guest Ready ReadyToServe
packets <<'END'
guest ledger passes
END

heading 'Without the operator every decision stands'
replicas=$("${kubectl[@]}" -n agentcard-system get "deployment/$operator" -o 'jsonpath={.spec.replicas}')
trap 'scale "$replicas"' EXIT
scale 0
"${kubectl[@]}" -n agentcard-system wait --for=delete pod -l app.kubernetes.io/name=agentcard-operator --timeout=60s >/dev/null
packets <<'END'
guest ledger passes
planner ledger stopped
END
