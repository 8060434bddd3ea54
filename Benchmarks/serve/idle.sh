#!/usr/bin/env bash
# Measures the memory of `runnel serve` with 50 pipelines that wait: 20 schedules, 15 watched folders and 15 hooks. Then
# lets 50 schedules tick every minute for 24 simulated hours; memory must not grow.
#
#   Benchmarks/serve/idle.sh [seconds]
#
# BENCH_DIR and RUNNEL are described in Benchmarks/serve/common.sh. SERVE_BENCHMARK names a built ServeBenchmark.
set -euo pipefail
cd "$(dirname "$0")/../.."
source Benchmarks/serve/common.sh

seconds=${1:-60}
find_runnel
[ -n "${SERVE_BENCHMARK:-}" ] || SERVE_BENCHMARK=$(scripts/benchmark.sh ServeBenchmark)

print_machine
folder=$(mktemp -d "$scratch/serve.XXXXXX")
mkdir "$folder/pipelines"
: >"$folder/runnel.yaml"
for number in $(seq 50); do
    if [ "$number" -le 20 ]; then
        trigger='schedule: { cron: "0 4 1 1 *", timezone: UTC }'
    elif [ "$number" -le 35 ]; then
        mkdir "$folder/inbox-$number"
        trigger="watch: { path: inbox-$number }"
    else
        trigger="webhook: { path: hook-$number, verify: { scheme: none } }"
    fi
    cat >"$folder/pipelines/p-$number.yaml" <<YAML
name: p-$number
on: { $trigger }
steps: [{ uses: template, with: { text: "{{ run.id }}" } }]
YAML
done
serve "$folder"
sed -n 's/^Serving /serving /p' "$folder/serve.out"

memory() { ps -o rss= -p "$server" | awk '{ printf "%.1f MiB", $1 / 1024 }'; }
# By all processors together, in seconds.
used() {
    if [ -r "/proc/$server/stat" ]; then
        awk -v hz="$(getconf CLK_TCK)" '{ print ($14 + $15) / hz }' "/proc/$server/stat"
    else
        ps -o time= -p "$server" | awk -F'[:-]' '{ for (i = 1; i <= NF; i++) t = t * 60 + $i; print t }'
    fi
}

echo "after start:        $(memory)"
before=$(used)
sleep "$seconds"
echo "after $seconds s more:    $(memory), $(awk -v a="$before" -v b="$(used)" 'BEGIN { print b - a }') s of processor time"
end "$server"

echo
mkdir "$folder/day"
# glibc keeps memory back for each of many threads and goes on doing so for hours, which would hide what grows.
MALLOC_ARENA_MAX=2 "$SERVE_BENCHMARK" "$folder/day"
rm -rf "$folder"
