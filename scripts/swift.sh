#!/usr/bin/env bash
# Says plainly when Swift itself is missing or too old.
set -euo pipefail
if ! command -v swift >/dev/null; then
    echo "Runnel needs Swift 6.3 or later. Install it from https://www.swift.org/install, then try again." >&2
    exit 1
fi
version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9]*\.[0-9]*\).*/\1/p' | head -n 1)
case "$version" in
    6.[0-2]|[1-5].*|'')
        echo "Runnel needs Swift 6.3 or later; this is ${version:-unknown}. See https://www.swift.org/install." >&2
        exit 1 ;;
esac
