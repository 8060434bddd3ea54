#!/usr/bin/env bash
# Starts PostgreSQL and three workers, kills the one that works on a run, and shows another one going on.
set -euo pipefail
cd "$(dirname "$0")"
runnel=$(command -v "${RUNNEL:-runnel}") || { echo "There is no runnel in PATH; set RUNNEL." >&2; exit 1; }
runnel=$(realpath "$runnel")

coproc server { ../../scripts/postgres.sh; }
read -r url <&"${server[0]}"
folder=$(mktemp -d)
workers=()
finish() {
    kill "${workers[@]}" 2>/dev/null || true
    exec {server[1]}>&-
    wait
    rm -rf "$folder"
}
trap finish EXIT

for number in 1 2 3; do
    mkdir "$folder/machine$number"
    cp -r pipelines "$folder/machine$number"
    echo "journal: { url: \"$url\" }" >"$folder/machine$number/runnel.yaml"
    (cd "$folder/machine$number" && exec "$runnel" serve --port "$((8790 + number))") >"$folder/machine$number/log" 2>&1 &
    workers+=($!)
done
cd "$folder/machine1"
until curl -sf "http://127.0.0.1:8791/health/ready" >/dev/null; do sleep 0.2; done

echo "A call of machine 1:"
curl -s -X POST "http://127.0.0.1:8791/hooks/count" -H 'content-type: application/json' -d '{}'
echo
sleep 3
owner=$(psql -qXAt "$url" -c "SELECT w.pid FROM runnel.active a JOIN runnel.workers w ON w.id = a.owner LIMIT 1")
echo "The worker with the process $owner works on the run. It is killed."
kill -9 "$owner"
echo "Another one takes it over when its heartbeat has been missing for 15s:"
until [ "$(psql -qXAt "$url" -c 'SELECT count(*) FROM runnel.ends')" = 1 ]; do sleep 1; done
"$runnel" runs list
"$runnel" runs show last
