#!/usr/bin/env bash
# Lays in what other people's programs in Python say about ours: clients and servers that the tests talk to.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=.build/python
wanted=$(cat scripts/requirements.txt)
[ "$(cat "$venv/installed" 2>/dev/null || true)" = "$wanted" ] && exit 0

echo "Installing Python packages for the tests into $venv"
python3 -m venv "$venv"
"$venv/bin/pip" install --quiet --disable-pip-version-check -r scripts/requirements.txt
printf '%s\n' "$wanted" >"$venv/installed"
