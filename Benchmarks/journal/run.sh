#!/usr/bin/env bash
# Runs a pipeline of three steps that do nothing, durably, beside huey on SQLite, in turns on one disk.
#
#   Benchmarks/journal/run.sh [rounds]
set -euo pipefail
cd "$(dirname "$0")/../.."

rounds=${1:-3}
scratch=${BENCH_DIR:-.build-bench}

if ! [ -x "$scratch/venv/bin/python" ]; then
    python3 -m venv "$scratch/venv" || {
        echo "Python's venv module is missing. On Debian and Ubuntu: sudo apt-get install python3-venv" >&2
        exit 1
    }
fi
"$scratch/venv/bin/python" -c 'import huey' 2>/dev/null || "$scratch/venv/bin/pip" install --quiet huey

binary=$(scripts/benchmark.sh JournalBenchmark)

for _ in $(seq "$rounds"); do
    folder=$(mktemp -d "$scratch/journal.XXXXXX")
    "$binary" "$folder"
    "$scratch/venv/bin/python" Benchmarks/journal/peer.py "$folder" fsync
    "$scratch/venv/bin/python" Benchmarks/journal/peer.py "$folder" nosync
    rm -rf "$folder"
done
