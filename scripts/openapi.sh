#!/usr/bin/env bash
# Has schemathesis, a fuzzer for OpenAPI, compare a server with its own description of itself. Further arguments are
# schemathesis', such as --seed.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/python.sh
runnel=${RUNNEL:-$(swift build --show-bin-path)/runnel}
folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null; rm -rf "$folder"' EXIT
cp -R Tests/OpenAPI/project/. "$folder"
export OPENAPI_TOKEN=openapi-token-0123456789

(cd "$folder" && exec "$runnel" serve pipelines >serve.log 2>&1) &
server=$!
url=
until url=$(sed -n 's/^Listening on //p' "$folder/serve.log" 2>/dev/null) && [ -n "$url" ]; do
    kill -0 "$server" 2>/dev/null || { cat "$folder/serve.log" >&2; exit 1; }
    sleep 0.1
done
# In the folder, because it keeps what it found below the current one.
root=$PWD
(cd "$folder" && "$root/.build/python/bin/schemathesis" --config-file "$root/Tests/OpenAPI/schemathesis.toml" run \
    "$url/api/v1/openapi.json" --header "Authorization: Bearer $OPENAPI_TOKEN" \
    --max-examples "${OPENAPI_EXAMPLES:-30}" "$@")
kill -0 "$server" || { echo "the server did not survive" >&2; cat "$folder/serve.log" >&2; exit 1; }
