#!/usr/bin/env bash
# Runs `swift test` with its arguments. If it fails, what failed is printed again at the end, because it is hard to find among
# thousands of tests.
set -uo pipefail

output=$(mktemp)
trap 'rm -f "$output"' EXIT

swift test "$@" 2>&1 | tee "$output" && exit
status=$?
printf '\nWhat failed:\n'
# An issue may have several lines.
awk '/^(◇|✔|✘)/ { failed = /^✘.* recorded an issue / } failed || /^error: |^\*\*\* |Fatal error: /' "$output"
exit "$status"
