#!/usr/bin/env bash
# Counts instructions with callgrind: of one durable run of three steps, of one accepted webhook call, of checking one
# pipeline, and of `runnel --version`. All but the last are the difference between a long and a short execution, so what
# starting and stopping cost is not in them.
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

# checks COUNT: all instructions of `runnel validate` for so many pipelines, each with a chat, a transform and two
# triggers. Compiling jq programs is left to other processes, which are not counted.
checks() {
    local folder=$top/checks-$1
    mkdir -p "$folder/pipelines"
    touch "$folder/runnel.yaml"
    for number in $(seq "$1"); do
        cat >"$folder/pipelines/check-$number.yaml" <<YAML
name: check-$number
on:
  schedule: { cron: "$((number % 60)) 6 * * *" }
  webhook: { path: check/$number, verify: { scheme: none } }
steps:
  - { id: ask, uses: chat, with: { agent_id: agent-$number, prompt: "Summarise {{ trigger.body }}." } }
  - { id: cut, uses: transform, with: { from: "{{ steps.ask.text }}", jq: ".items[] | select(.id == $number)" } }
YAML
    done
    "${counting[@]}" "$top/runnel" validate "$folder/pipelines" --simulate >"$folder/out" 2>"$folder/valgrind" ||
        { cat "$folder/out" "$folder/valgrind" >&2; exit 1; }
    total "$folder/valgrind"
}

version() {
    "${counting[@]}" "$top/runnel" --version >/dev/null 2>"$top/version"
    total "$top/version"
}

# show NAME COUNT INSTRUCTIONS: what one of so many costs.
show() { awk -v name="$1" -v count="$2" -v all="$3" 'BEGIN { printf "%-34s %9d thousand instructions\n", name, all / count / 1000 }'; }

print_machine
short=$((count / 2))
more=$((count - short))
show "one durable run of three steps" "$more" "$(($(runs "$count") - $(runs "$short")))"
show "one webhook call with its run" "$more" "$(($(calls "$count") - $(calls "$short")))"
show "checking one pipeline" "$more" "$(($(checks "$count") - $(checks "$short")))"
show "runnel --version" 1 "$(version)"
