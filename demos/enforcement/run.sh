#!/usr/bin/env bash
# Enforcement in one namespace: off, audit, enforce, a quarantine, off. At each step: what the operator says, what packets do.
#
# Needs a cluster with the operator (mutual TLS on, enforcement.mode=off, networkProbe.enabled=true), SPIRE, and a network that
# enforces policies: `make demo-node` starts one. The mode is set by a label on the namespace, so nothing else of the cluster is touched.
#
#   KUBECTL    kubectl                         the client, and its kubeconfig by the usual variable
#   AGENTCARD  npx --no-install kubectl-agentcard
#   IMAGE      localhost/agentcard-operator:demo   the operator's image, which holds the test agent
set -euo pipefail
cd "$(dirname "$0")"
namespace=enforcement-demo
. ../steps.sh

heading 'Off: everybody calls everybody'
"${kubectl[@]}" create namespace "$namespace" --dry-run=client -o yaml | "${kubectl[@]}" apply -f - >/dev/null
mode off
sed "s#IMAGE#$image#" agents.yaml | k apply -f - >/dev/null
k wait pods --all --for=condition=Ready --timeout=120s >/dev/null
until_says weather Ready ReadyToServe
until_says caller Ready ReadyToServe
until_says notes Ready NotVerified
table
policies
packets <<'END'
caller weather passes
notes weather passes
bystander weather passes
weather notes passes
END

heading 'Audit: nothing changes, and everybody can read what would'
mode audit
until_says weather Enforced Audit
until_says notes Enforced Audit
table
policies
for agent in weather notes; do
  echo "kubectl agentcard explain $agent (what enforcing would close)"
  "${agentcard[@]}" explain "$agent" -n "$namespace" | grep -E "enforcing would|$namespace/|outside" |
    sed -n '/enforcing would/,$p' | sed '/enforcing/!s/^[ │├└─]*/    /; /enforcing/s/^[ │├└─]*/  /' || true
done

heading 'Enforce: packets follow the verdicts'
mode enforce
until_says weather Enforced PolicyApplied
until_says notes Enforced PolicyApplied
table
policies
packets <<'END'
caller weather passes
notes weather stopped
bystander weather stopped
weather notes stopped
END

heading 'Quarantine: caller is stopped, whatever it proves'
"${agentcard[@]}" quarantine caller -n "$namespace" --reason 'incident 7'
until_says caller Ready Quarantined
table
packets <<'END'
caller weather stopped
weather caller stopped
END
"${agentcard[@]}" release caller -n "$namespace"
until_says caller Ready ReadyToServe
packets <<'END'
caller weather passes
END

heading 'Off again: none of our policies is left'
mode off
until_says weather Enforced Off
until_says caller Enforced Off
until_says notes Enforced Off
table
policies
packets <<'END'
notes weather passes
bystander weather passes
weather notes passes
END
