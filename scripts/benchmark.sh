#!/usr/bin/env bash
# Builds one program of the package in Benchmarks, with what is built of this package already, and prints its path.
#
#   scripts/benchmark.sh JournalBenchmark [options of swift build]
set -euo pipefail
cd "$(dirname "$0")/.."

product=$1
shift
[ $# -gt 0 ] || set -- -c release
options=(--package-path Benchmarks --scratch-path .build "$@")
swift build "${options[@]}" --product "$product" >&2
echo "$(swift build "${options[@]}" --show-bin-path)/$product"
