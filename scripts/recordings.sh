#!/usr/bin/env bash
# Draws the recording of the README, docs/images/terminal.svg: a new project, its pipeline on the simulator, its runs.
set -euo pipefail
cd "$(dirname "$0")/.."
binary=${RUNNEL:-.build/debug/runnel}
[ -x "$binary" ] || { echo "There is no $binary yet. Type: make run" >&2; exit 1; }
venv=.build/recording-python
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/python" -c "import pyte" 2>/dev/null || "$venv/bin/pip" install --quiet --disable-pip-version-check pyte==0.8.2

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/bin"
ln -s "$(realpath "$binary")" "$scratch/bin/runnel"
export PATH="$scratch/bin:$PATH"
runnel init --in "$scratch/project" >/dev/null
echo "It does not start since the update." >"$scratch/project/ticket.txt"
"$venv/bin/python" scripts/recording.py docs/images/terminal.svg "$scratch/project" \
    "runnel validate pipelines" \
    "runnel run pipelines/hello --simulate --input-file ticket.txt" \
    "runnel runs list" \
    "runnel runs show last"
