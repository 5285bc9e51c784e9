#!/usr/bin/env bash
# Takes away what run.sh made: its namespace, and everything in it.
set -euo pipefail
read -ra kubectl <<<"${KUBECTL:-kubectl}"
"${kubectl[@]}" delete namespace callers-demo --ignore-not-found --timeout=120s
