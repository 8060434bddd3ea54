#!/usr/bin/env bash
# Counts the instructions of one durable run of three steps and of one accepted webhook call, with callgrind. A count is
# the difference between a long and a short execution, so what starting and stopping cost is not in it.
#
#   Benchmarks/instructions/run.sh [count]
#
# BENCH_DIR and RUNNEL are described in Benchmarks/serve/common.sh. JOURNAL_BENCHMARK names a release binary of
# JournalBenchmark to measure instead of building one.
set -euo pipefail
cd "$(dirname "$0")/../.."
source Benchmarks/serve/common.sh

count=${1:-200}
have valgrind valgrind || { echo "valgrind is missing. On Debian and Ubuntu: sudo apt-get install valgrind" >&2; exit 1; }
find_runnel
need_python
[ -n "${JOURNAL_BENCHMARK:-}" ] || JOURNAL_BENCHMARK=$(scripts/benchmark.sh JournalBenchmark)

top=$(mktemp -d "$scratch/instructions.XXXXXX")
trap 'end_all; rm -rf "$top"' EXIT
# valgrind cannot read Swift's debug information.
strip -o "$top/runnel" "$RUNNEL"
strip -o "$top/journal" "$JOURNAL_BENCHMARK"
counting=(valgrind --tool=callgrind --callgrind-out-file=/dev/null)

total() { sed -n 's/.*Collected : \([0-9]*\)$/\1/p' "$1" | tail -n 1; }

# runs COUNT: all instructions of so many runs.
runs() {
    mkdir -p "$top/runs-$1"
    "${counting[@]}" "$top/journal" "$top/runs-$1" "$1" >/dev/null 2>"$top/runs-$1/valgrind"
    total "$top/runs-$1/valgrind"
}

# calls COUNT: all instructions of a server that accepts so many calls, one after another, and works on their runs.
calls() {
    local folder=$top/calls-$1
    mkdir -p "$folder/pipelines"
    touch "$folder/runnel.yaml"
    cat >"$folder/pipelines/calls.yaml" <<'YAML'
name: calls
on: { webhook: { path: calls, verify: { scheme: none }, respond: result } }
steps: [{ uses: template, with: { text: "Call {{ trigger.body.number }}" } }]
YAML
    "${counting[@]}" "$top/runnel" serve "$folder/pipelines" --port 0 >"$folder/serve.out" 2>"$folder/valgrind" &
    server=$!
    started+=("$server")
    for _ in $(seq 600); do
        grep -q '^Listening' "$folder/serve.out" && break
        sleep 0.1
    done
    port=$(sed -n 's/^Listening on .*:\([0-9]*\)$/\1/p' "$folder/serve.out")
    "$venv/bin/python" Benchmarks/instructions/calls.py "$port" "$1"
    kill -TERM "$server"
    wait "$server" || true
    total "$folder/valgrind"
}

print_machine
short=$((count / 2))
echo "$(($(runs "$count") - $(runs "$short")))" |
    awk -v count="$((count - short))" '{ printf "one durable run of three steps   %8d thousand instructions\n", $1 / count / 1000 }'
echo "$(($(calls "$count") - $(calls "$short")))" |
    awk -v count="$((count - short))" '{ printf "one webhook call with its run    %8d thousand instructions\n", $1 / count / 1000 }'
