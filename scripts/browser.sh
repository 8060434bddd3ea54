#!/usr/bin/env bash
# Tests the dashboard in Chromium. Arguments select tests by a part of their name.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/packages.sh browser
scripts/python.sh
export RUNNEL=${RUNNEL:-$(swift build --show-bin-path)/runnel}
exec .build/python/bin/python Tests/Browser/test_dashboard.py "$@"
