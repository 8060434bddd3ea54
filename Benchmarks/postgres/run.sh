#!/usr/bin/env bash
# Accepts runs and works on pipelines of three steps in PostgreSQL, beside procrastinate, dbos, pgqueuer and pgbench with the same
# batched insert, in turns on one server. Prints medians and ratios.
#
#   Benchmarks/postgres/run.sh [rounds]
#
# BINARY is the program to measure, where it is built already.
set -euo pipefail
cd "$(dirname "$0")/../.."

rounds=${1:-3}
scratch=${BENCH_DIR:-.build-bench}
scripts/packages.sh postgres
[ -x "$scratch/venv/bin/python" ] || python3 -m venv "$scratch/venv"
"$scratch/venv/bin/python" -c 'import procrastinate, dbos, pgqueuer, asyncpg' 2>/dev/null ||
    "$scratch/venv/bin/pip" install --quiet procrastinate 'psycopg[binary,pool]' dbos pgqueuer asyncpg
binary=${BINARY:-$(scripts/benchmark.sh PostgresBenchmark)}
bench=$(ls -d /usr/lib/postgresql/*/bin/pgbench 2>/dev/null | sort -V | tail -1)

# shellcheck disable=SC2034 # the name of the coprocess
coproc server { scripts/postgres.sh; }
read -r url <&"${server[0]}"
results=$(mktemp)
trap 'rm -f "$results"; exec {server[1]}>&-; wait "$server_PID" 2>/dev/null || true' EXIT
probe() {
    "$scratch/venv/bin/python" -c '
import os, statistics, sys, time
with open(sys.argv[1], "wb", buffering=0) as file:
    times = []
    for _ in range(50):
        begin = time.monotonic()
        file.write(bytes(4096))
        os.fdatasync(file.fileno())
        times.append(time.monotonic() - begin)
print(f"fsync probe: {statistics.median(times) * 1000:.2f} ms a durable write of 4 KiB")' "$scratch/probe"
    rm -f "$scratch/probe"
}
# note WHAT COMMAND…: keeps the last number that the command prints.
note() {
    local what=$1 line
    shift
    line=$("$@" 2>/dev/null | tail -1)
    echo "$what ${line##* }" | tee -a "$results"
}
peer() { "$scratch/venv/bin/python" Benchmarks/postgres/peer.py "$@"; }
database() {
    psql -qX "$url" -c "DROP DATABASE IF EXISTS $1" -c "CREATE DATABASE $1"
    echo "${url/\/postgres\?//$1?}"
}
insert() {
    "$bench" --no-vacuum --client 2 --jobs 2 --time 5 --file Benchmarks/postgres/batch.sql \
        "$url&options=-csearch_path%3Dbenchmark" 2>/dev/null |
        awk '/^tps/ { printf "%d\n", $3 * 32 }'
}
# Chains of three jobs, or workflows of three steps, with one process or two: chains a second from the begin of the first step to
# the last end. Queues do all first jobs before the second ones, so the first end comes late.
chains() {
    local name=$1 count=$2 workers=$3 place
    place=$(database "$name")
    peer "$name" "$place" enqueue "$count" >/dev/null 2>&1
    for _ in $(seq "$workers"); do peer "$name" "$place" work "$count" & done 2>/dev/null |
        awk '$1 ~ /^[0-9]+$/ { n += $1; if (!b || $2 < b) b = $2; if ($3 > e) e = $3 } END { printf "%d\n", n / (e - b) }'
}

probe
for _ in $(seq "$rounds"); do
    psql -qX "$url" -c "DROP SCHEMA IF EXISTS benchmark CASCADE" 2>/dev/null
    note accept-runnel "$binary" "$url" accept 20000
    note accept-pgbench insert
    for name in procrastinate dbos pgqueuer; do note "accept-$name" peer "$name" "$(database "$name")" enqueue 3000; done
    psql -qX "$url" -c "DROP SCHEMA benchmark CASCADE" 2>/dev/null
    note three-runnel-1 "$binary" "$url" work 6000 1
    note three-runnel-2 "$binary" "$url" work 6000 2
    note waiting-runnel-1 "$binary" "$url" work 1500 1 waiting
    note waiting-runnel-2 "$binary" "$url" work 1500 2 waiting
    for workers in 1 2; do
        for name in procrastinate dbos pgqueuer; do note "three-$name-$workers" chains "$name" 1500 "$workers"; done
    done
    note wake-notify "$binary" "$url" wake auto
    note wake-poll "$binary" "$url" wake off
done
probe
"$scratch/venv/bin/python" - "$results" <<'PYTHON'
import collections, statistics, sys
values = collections.defaultdict(list)
for line in open(sys.argv[1]):
    what, _, number = line.strip().partition(" ")
    try:
        values[what].append(float(number))
    except ValueError:
        print(f"{what}: no figure")
median = {what: statistics.median(numbers) for what, numbers in values.items()}
print("medians:")
for what, number in median.items():
    print(f"  {what:22} {number:10.2f} {'ms' if what.startswith('wake') else 'per second'}")
print("ratios:")
for own, other, goal in [
    ("accept-runnel", "accept-procrastinate", 5), ("accept-runnel", "accept-dbos", 5), ("accept-runnel", "accept-pgqueuer", 5),
    ("accept-runnel", "accept-pgbench", 0.8), ("three-runnel-1", "three-procrastinate-1", 5),
    ("three-runnel-1", "three-dbos-1", 1), ("three-runnel-1", "three-pgqueuer-1", 5), ("three-runnel-2", "three-runnel-1", 1.5),
    ("waiting-runnel-2", "waiting-runnel-1", 1.5),
]:
    if own in median and median.get(other):
        print(f"  {own} / {other}: {median[own] / median[other]:.2f} (goal {goal})")
PYTHON
