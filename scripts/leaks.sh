#!/usr/bin/env bash
# Runs the YAML wrapper over every kind of error under valgrind.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! command -v valgrind >/dev/null; then
    echo "valgrind is missing. Type: sudo apt-get install -y valgrind" >&2
    exit 1
fi
swift build --product YAMLLeakCheck
valgrind --quiet --leak-check=full --errors-for-leak-kinds=definite,indirect --error-exitcode=1 \
    "$(swift build --show-bin-path)/YAMLLeakCheck"
