#!/usr/bin/env bash
# Compares the counts of run.sh with those of expected.txt: they depend on the compiler, but hardly on the machine and its
# load. Fails where one is a quarter higher, or where the binary is larger than 63 MB.
#
#   Benchmarks/instructions/check.sh [options of swift build]
#
# The options are those that `make release` compiles with: with others, all would be compiled again.
set -euo pipefail
cd "$(dirname "$0")/../.."

folder=Benchmarks/instructions
# With Swift's libraries in it, as run.sh needs it.
JOURNAL_BENCHMARK=$(scripts/benchmark.sh JournalBenchmark -c release --static-swift-stdlib "$@")
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
strip -o "$RUNNEL.stripped" "$RUNNEL"
size=$(wc -c <"$RUNNEL.stripped")
rm "$RUNNEL.stripped"
echo "The binary without debug information has $((size / 1000000)) MB."
[ "$size" -le 63000000 ] || { echo "That is too much; it was 59 MB on 2026-11-29." >&2; exit 1; }
[ "$failed" -eq 0 ] || { echo "Too many instructions. Find out where they come from, or say in $folder/expected.txt why more are needed." >&2; exit 1; }
