#!/usr/bin/env bash
# The demonstration: the README becomes a digest, written by the embedded simulator, kept in a file and sent to a webhook.
set -euo pipefail
cd "$(dirname "$0")/.."
runnel=$1
log=$(mktemp)
trap 'kill "$receiver" 2>/dev/null || true; rm -f "$log"' EXIT

"$runnel" receive --port 0 --count 1 >"$log" &
receiver=$!
while ! grep -q '^Listening on ' "$log"; do
    kill -0 "$receiver" 2>/dev/null || { echo "the receiver of webhooks did not start" >&2; exit 1; }
    sleep 0.05
done
address=$(sed -n 's/^Listening on //p' "$log")

echo "\$ runnel run pipelines/digest --simulate --input-file README.md --input notify=$address/digest"
"$runnel" run pipelines/digest --simulate --input-file README.md --input notify="$address/digest" >/dev/null
wait "$receiver"

echo
echo "The file out/readme.digest.md holds the digest:"
sed 's/^/    /' out/readme.digest.md
echo
echo "The webhook got:"
sed -n '2,$p' "$log" | sed 's/^/    /'
