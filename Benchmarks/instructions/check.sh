#!/usr/bin/env bash
# Compares the counts of run.sh with those of expected.txt: they depend on the compiler, but hardly on the machine and its
# load. Fails where one is a quarter higher.
#
#   Benchmarks/instructions/check.sh
set -euo pipefail
cd "$(dirname "$0")/../.."

folder=Benchmarks/instructions
# As `make release` builds them: callgrind cannot read Swift's shared libraries.
JOURNAL_BENCHMARK=$(scripts/benchmark.sh JournalBenchmark -c release --static-swift-stdlib)
export JOURNAL_BENCHMARK
RUNNEL=.build/release/runnel
export RUNNEL
counts=$("$folder/run.sh")

failed=0
while read -r expected name; do
    count=$(sed -n "s/^$name  *\([0-9]*\) thousand instructions$/\1/p" <<<"$counts")
    [ -n "$count" ] || { echo "run.sh did not count: $name" >&2; exit 1; }
    change=$(((count - expected) * 100 / expected))
    printf '%-34s %9d thousand instructions, expected %d (%+d %%)\n' "$name" "$count" "$expected" "$change"
    [ "$change" -le 25 ] || failed=1
    [ "$change" -ge -25 ] || echo "  lower its line in $folder/expected.txt"
done <"$folder/expected.txt"
[ "$failed" -eq 0 ] || { echo "Too many instructions. Find out where they come from, or say in $folder/expected.txt why more are needed." >&2; exit 1; }
