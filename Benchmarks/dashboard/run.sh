#!/usr/bin/env bash
# Measures the server's time for each page of the dashboard at 1,000,000 runs.
set -euo pipefail
cd "$(dirname "$0")/../.."

swift build -c release --product runnel
exec python3 Benchmarks/dashboard/pages.py "$(swift build -c release --show-bin-path)/runnel" "${RUNNEL_RUNS:-1000000}"
