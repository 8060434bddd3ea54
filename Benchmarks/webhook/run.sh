#!/usr/bin/env bash
# Measures durable accepts a second with `wrk -t2 -c32`: of `runnel serve` (respond: accepted, while it works on the
# runs), of a FastAPI endpoint that commits each call to SQLite with synchronous=FULL, and of adnanh/webhook, which
# stores nothing. They take turns; each body is unique. Runnel is killed with SIGKILL at the end of each turn, and every
# run that it had accepted has to be in its journal.
#
#   Benchmarks/webhook/run.sh [seconds] [rounds]
#
# BENCH_DIR and RUNNEL are described in Benchmarks/serve/common.sh.
set -euo pipefail
cd "$(dirname "$0")/../.."
source Benchmarks/serve/common.sh

seconds=${1:-5}
rounds=${2:-5}
have wrk wrk || { echo "The load generator wrk is missing. On Debian and Ubuntu: sudo apt-get install wrk" >&2; exit 1; }
find_runnel
need_python

names=(runnel)
if have_python fastapi fastapi && have_python uvloop 'uvicorn[standard]' && [ -x "$venv/bin/uvicorn" ]; then
    names+=(fastapi)
else
    left_out "FastAPI with uvicorn" "pip install fastapi 'uvicorn[standard]'"
fi
if have webhook webhook; then names+=(webhook); else left_out adnanh/webhook "apt-get install webhook"; fi

start_runnel() {
    mkdir -p "$1/pipelines"
    # Whoever calls faster than runs can be worked on is turned away at some time, with 429. Here it is about accepting.
    echo 'runs: { max_queued: 10000000 }' >"$1/runnel.yaml"
    cat >"$1/pipelines/calls.yaml" <<'YAML'
name: calls
on: { webhook: { path: calls, verify: { scheme: none }, respond: accepted } }
steps: [{ uses: template, with: { text: "Call {{ trigger.body.number }}" } }]
YAML
    serve "$1"
    url=http://127.0.0.1:$port/hooks/calls
}

start_fastapi() {
    port=$(free_port)
    JOURNAL=$1/calls.db "$venv/bin/uvicorn" --app-dir Benchmarks/webhook peer:app --host 127.0.0.1 --port "$port" \
        --no-access-log --log-level error --loop uvloop --http httptools >"$1/serve.out" 2>&1 &
    server=$!
    started+=("$server")
    url=http://127.0.0.1:$port/calls
    wait_until "$server" call "$url"
}

start_webhook() {
    port=$(free_port)
    echo '[{ "id": "calls", "execute-command": "/bin/true", "http-methods": ["POST"] }]' >"$1/hooks.json"
    webhook -hooks "$1/hooks.json" -ip 127.0.0.1 -port "$port" >"$1/serve.out" 2>&1 &
    server=$!
    started+=("$server")
    url=http://127.0.0.1:$port/hooks/calls
    wait_until "$server" call "$url"
}

free_port() { "$venv/bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
call() {
    "$venv/bin/python" -c 'import sys, urllib.request as u
u.urlopen(u.Request(sys.argv[1], b"{\"number\": \"0\"}", {"content-type": "application/json"}), timeout=1)' "$1"
}

print_machine
top=$(mktemp -d "$scratch/webhook.XXXXXX")
for name in "${names[@]}"; do : >"$top/$name.rates"; done
for round in $(seq "$rounds"); do
    for name in "${names[@]}"; do
        folder=$top/$name-$round
        mkdir "$folder"
        "start_$name" "$folder"
        wrk -t2 -c32 -d2 -s Benchmarks/webhook/calls.lua "$url" -- "$folder/warm" >/dev/null
        probe=$("$venv/bin/python" Benchmarks/serve/probe.py "$folder")
        wrk -t2 -c32 -d"$seconds" --latency -s Benchmarks/webhook/calls.lua "$url" -- "$folder/ids" >"$folder/wrk"
        end "$server"
        awk -v name="$name" -v round="$round" -v probe="$probe" '
            $1 == "50%" { half = $2 } $1 == "99%" { most = $2 }
            $1 == "RESULT" { rate = $2; refused = $3; broken = $4 }
            END { printf "round %d  %-8s %7.0f accepts/s, median %s, p99 %s, other answers %d, socket errors %d, fsync %s ms\n",
                round, name, rate, half, most, refused, broken, probe }' "$folder/wrk"
        awk '$1 == "RESULT" { print $2 }' "$folder/wrk" >>"$top/$name.rates"
        [ "$name" != runnel ] || "$venv/bin/python" Benchmarks/webhook/check.py "$folder"
    done
done

echo
echo "accepts a second, medians of $rounds rounds of $seconds s"
ours=$(median <"$top/runnel.rates")
for name in "${names[@]}"; do
    median <"$top/$name.rates" | awk -v name="$name" -v ours="$ours" '
        BEGIN { words["runnel"] = "runnel serve"; words["fastapi"] = "FastAPI + SQLite, synchronous=FULL"
            words["webhook"] = "adnanh/webhook (stores nothing)" }
        { printf "%-36s %7.0f   Runnel is %.2f times as fast\n", words[name], $1, ours / $1 }'
done
rm -rf "$top"
