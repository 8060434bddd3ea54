#!/usr/bin/env bash
# Reads one stream of single-event HTTP chunks with our client and with Python's httpx-sse + json, in turns, from one
# server process, and prints the medians in events a second and their ratio.
#
#   Benchmarks/stream/run.sh [events] [rounds]
set -euo pipefail
cd "$(dirname "$0")/../.."

events=${1:-100000}
rounds=${2:-5}
scratch=${BENCH_DIR:-.build-bench}

if ! [ -x "$scratch/venv/bin/python" ]; then
    python3 -m venv "$scratch/venv" || {
        echo "Python's venv module is missing. On Debian and Ubuntu: sudo apt-get install python3-venv" >&2
        exit 1
    }
fi
"$scratch/venv/bin/python" -c 'import httpx, httpx_sse' 2>/dev/null ||
    "$scratch/venv/bin/pip" install --quiet httpx httpx-sse

binary=$(scripts/benchmark.sh StreamBenchmark)

rm -f "$scratch/port"
"$binary" serve >"$scratch/port" &
server=$!
trap 'kill "$server" 2>/dev/null || true' EXIT
until [ -s "$scratch/port" ]; do
    kill -0 "$server" 2>/dev/null || { echo "The benchmark's server did not start." >&2; exit 1; }
    sleep 0.1
done
port=$(<"$scratch/port")

median() { sort -n | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : int((v[NR / 2] + v[NR / 2 + 1]) / 2) }'; }

for shape in quickstart guide; do
    url="http://127.0.0.1:$port/$shape/$events"
    : >"$scratch/ours"
    : >"$scratch/peer"
    for _ in $(seq "$rounds"); do
        "$binary" client "$url" "$events" >>"$scratch/ours"
        "$scratch/venv/bin/python" Benchmarks/stream/peer.py "$url" "$events" >>"$scratch/peer"
    done
    ours=$(median <"$scratch/ours")
    peer=$(median <"$scratch/peer")
    awk -v shape="$shape" -v ours="$ours" -v peer="$peer" -v n="$events" -v r="$rounds" 'BEGIN {
        printf "%-10s  %d events, median of %d: Marketplace %d events/s, httpx-sse + json %d events/s, ratio %.1f\n",
            shape, n, r, ours, peer, ours / peer }'
done
