#!/usr/bin/env bash
# Makes the site of docs/ in .build/site, and fails on links that lead nowhere. SITE_DOCS and SITE_FOLDER name other folders.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=.build/site-python
wanted="mkdocs==1.6.1 mkdocs-material==9.8.2"
if [ "$(cat "$venv/installed" 2>/dev/null || true)" != "$wanted" ]; then
    python3 -m venv "$venv"
    # shellcheck disable=SC2086
    "$venv/bin/pip" install --quiet --disable-pip-version-check $wanted
    printf '%s' "$wanted" >"$venv/installed"
fi
# --strict counts the warnings that are printed, so --quiet would let every dead link pass.
NO_MKDOCS_2_WARNING=1 "$venv/bin/mkdocs" build --strict 2>&1 | sed '/^INFO /d'
echo "The site is in ${SITE_FOLDER:-.build/site}/index.html"
