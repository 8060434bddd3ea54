#!/usr/bin/env bash
# Counts instructions with callgrind: of one durable run of three steps, of one accepted webhook call, of checking one
# pipeline, and of `runnel --version`. All but the last are the difference between a long and a short execution, so what
# starting and stopping cost is not in them.
#
#   Benchmarks/instructions/run.sh [--tracing] [count]
#
# With --tracing, it counts instead what a webhook call costs with a run of one step and of three, without traces and with
# traces that are sent to a sink on this machine, as JSON.
#
# BENCH_DIR is described in Benchmarks/serve/common.sh. RUNNEL and JOURNAL_BENCHMARK name the binaries to measure. They have to
# contain Swift's libraries: callgrind cannot read shared ones. `make perf-check` builds both, and `make release` the first.
set -euo pipefail
cd "$(dirname "$0")/../.."
source Benchmarks/serve/common.sh

tracing=
if [ "${1:-}" = --tracing ]; then
    tracing=1
    shift
fi
count=${1:-200}
have valgrind valgrind || { echo "valgrind is missing. On Debian and Ubuntu: sudo apt-get install valgrind" >&2; exit 1; }
RUNNEL=${RUNNEL:-.build/release/runnel}
find_runnel
need_python
[ -n "$tracing" ] || : "${JOURNAL_BENCHMARK:?is not set; make perf-check sets it}"

top=$(mktemp -d "$scratch/instructions.XXXXXX")
trap 'end_all; rm -rf "$top"' EXIT
# valgrind cannot read Swift's debug information.
strip -o "$top/runnel" "$RUNNEL"
[ -n "$tracing" ] || strip -o "$top/journal" "$JOURNAL_BENCHMARK"
counting=(valgrind --tool=callgrind --callgrind-out-file=/dev/null)

total() { sed -n 's/.*Collected : \([0-9]*\)$/\1/p' "$1" | tail -n 1; }

# runs COUNT: all instructions of so many runs.
runs() {
    mkdir -p "$top/runs-$1"
    "${counting[@]}" "$top/journal" "$top/runs-$1" "$1" >/dev/null 2>"$top/runs-$1/valgrind"
    total "$top/runs-$1/valgrind"
}

# calls COUNT [STEPS [RECEIVER]]: all instructions of a server that accepts so many calls, one after another, and works on
# their runs of so many steps. It sends traces to the receiver, if one is named.
calls() {
    local folder=$top/calls-$1-${2:-1}${3:+-traced} number
    mkdir -p "$folder/pipelines"
    touch "$folder/runnel.yaml"
    cat >"$folder/pipelines/calls.yaml" <<'YAML'
name: calls
on: { webhook: { path: calls, verify: { scheme: none }, respond: result } }
steps:
YAML
    for number in $(seq "${2:-1}"); do
        echo "  - { uses: template, with: { text: \"Call {{ trigger.body.number }}\" } }" >>"$folder/pipelines/calls.yaml"
    done
    OTEL_EXPORTER_OTLP_ENDPOINT=${3:-} "${counting[@]}" "$top/runnel" serve "$folder/pipelines" --port 0 \
        >"$folder/serve.out" 2>"$folder/valgrind" &
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

# sink: a receiver of traces that keeps nothing; its address is in $receiver.
sink() {
    "$venv/bin/python" Benchmarks/instructions/sink.py >"$top/sink.out" &
    started+=("$!")
    wait_until "$!" test -s "$top/sink.out"
    receiver=http://127.0.0.1:$(cat "$top/sink.out")
}

print_machine
short=$((count / 2))
more=$((count - short))
if [ -n "$tracing" ]; then
    sink
    for steps in 1 3; do
        off=$(($(calls "$count" "$steps") - $(calls "$short" "$steps")))
        on=$(($(calls "$count" "$steps" "$receiver") - $(calls "$short" "$steps" "$receiver")))
        show "a call, steps: $steps, traces off" "$more" "$off"
        show "a call, steps: $steps, traces on" "$more" "$on"
        awk -v off="$off" -v on="$on" 'BEGIN { printf "%-34s %9.2f times\n", "", on / off }'
    done
    kill -0 "${started[0]}" || { echo "The sink did not survive." >&2; exit 1; }
    exit
fi
show "one durable run of three steps" "$more" "$(($(runs "$count") - $(runs "$short")))"
show "one webhook call with its run" "$more" "$(($(calls "$count") - $(calls "$short")))"
show "checking one pipeline" "$more" "$(($(checks "$count") - $(checks "$short")))"
show "runnel --version" 1 "$(version)"
