#!/usr/bin/env bash
# Runs `swift test` with the given arguments. Prints failures again at the end, where they are easy to find.
set -uo pipefail

output=$(mktemp)
trap 'rm -f "$output"' EXIT

swift test "$@" 2>&1 | tee "$output" && exit
status=$?
printf '\nWhat failed:\n'
# An issue may have several lines.
awk '/^(◇|✔|✘)/ { failed = /^✘.* recorded an issue / } failed || /^error: |^\*\*\* |Fatal error: /' "$output"
exit "$status"
