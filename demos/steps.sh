# shellcheck shell=bash disable=SC2034,SC2154
# The steps of which these demos are made; sourced by their run.sh, which sets namespace.
read -ra kubectl <<<"${KUBECTL:-kubectl}"
read -ra agentcard <<<"${AGENTCARD:-npx --no-install kubectl-agentcard}"
image=${IMAGE:-localhost/agentcard-operator:demo}

k() { "${kubectl[@]}" -n "$namespace" "$@"; }
heading() { printf '\n== %s\n' "$1"; }

# Waits until a card's condition has a reason: <card> <type> <reason>.
until_says() {
  k wait agentcard "$1" --timeout=60s \
    --for="jsonpath={.status.conditions[?(@.type==\"$2\")].reason}=$3" >/dev/null
}

table() {
  local condition='.status.conditions[?(@.type=="%s")]'
  local ready enforced
  # shellcheck disable=SC2059
  ready=$(printf "$condition" Ready) enforced=$(printf "$condition" Enforced)
  k get agentcards -o "custom-columns=AGENT:.metadata.name,READY:$ready.status,REASON:$ready.reason,ENFORCED:$enforced.reason"
}

policies() {
  printf 'policies: '
  k get networkpolicies -o name | sed 's#.*/##' | sort | paste -sd ' ' | sed 's/^$/none/'
}

# One new connection: <from> <to> <passes|stopped>. Packet filters follow the API server after a moment.
packet() {
  local pod address said tries=0
  pod=$(k get pods -l "app=$1" -o name | head -n 1)
  address=$(k get pods -l "app=$2" -o 'jsonpath={.items[0].status.podIP}')
  while :; do
    said=$(k exec "$pod" -- node -e '
      const socket = require("node:net").connect({ host: process.argv[1], port: 8080, timeout: 1500 });
      const end = (said) => { console.log(said); process.exit(0); };
      socket.on("connect", () => end("passes"));
      socket.on("timeout", () => end("stopped"));
      socket.on("error", () => end("stopped"));' "$address")
    [ "$said" = "$3" ] || [ $((tries += 1)) -ge 30 ] && break
  done
  printf '  %-9s → %-9s %s\n' "$1" "$2" "$said"
}

packets() {
  echo "packets:"
  while read -r from to passes; do packet "$from" "$to" "$passes"; done
}

mode() {
  "${kubectl[@]}" label --overwrite namespace "$namespace" "agent.kagenti.dev/enforcement=$1" >/dev/null
}
