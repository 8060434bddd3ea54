#!/usr/bin/env bash
# Installs the system packages that Runnel is built on, or says what to type where that cannot be done from here.
# With "release", also what the release binary is linked with; with "test", what the tests need; with "browser", what the tests
# in a browser need; with "postgres", what the tests with a database need; with "package", what packages are built and tried with.
set -euo pipefail

needed=(libyaml-dev libjq-dev libgumbo-dev libsqlite3-dev zlib1g-dev pkg-config tzdata)
case "${1:-}" in
    release) needed+=(binutils python3 valgrind) ;;
    browser) needed+=(python3 python3-venv chromium) ;;
    test) needed+=(dovecot-imapd git groff mandoc mosquitto openssl prometheus python3 python3-venv) ;;
    postgres) needed+=(libpq5 pgbouncer postgresql python3 python3-venv) ;;
    package) needed+=(debhelper debootstrap dpkg-dev lintian patchelf) ;;
esac

if [ "$(uname)" = Darwin ]; then
    missing=()
    for formula in libyaml jq gumbo-parser sqlite pkgconf; do
        brew list --formula "$formula" >/dev/null 2>&1 || missing+=("$formula")
    done
    [ ${#missing[@]} -eq 0 ] && exit 0
    if command -v brew >/dev/null; then
        brew install "${missing[@]}"
        exit 0
    fi
    echo "Runnel needs Homebrew packages. Install Homebrew (https://brew.sh), then type:" >&2
    echo "    brew install ${missing[*]}" >&2
    exit 1
fi

if ! command -v dpkg-query >/dev/null; then
    echo "Runnel needs the headers of libyaml, libjq, gumbo and SQLite, and pkg-config. On Fedora, type:" >&2
    echo "    sudo dnf install libyaml-devel jq-devel gumbo-parser-devel sqlite-devel pkgconf-pkg-config" >&2
    # They may be there already; the build will tell.
    exit 0
fi

missing=()
for package in "${needed[@]}"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

sudo=
if [ "$(id -u)" -ne 0 ]; then
    if sudo -n true 2>/dev/null || { [ -t 0 ] && command -v sudo >/dev/null; }; then sudo=sudo; else sudo=cannot; fi
fi
if [ "$sudo" != cannot ]; then
    echo "Installing ${missing[*]}"
    if $sudo apt-get install -y -qq "${missing[@]}" >/dev/null 2>&1 ||
        { $sudo apt-get update -qq && $sudo apt-get install -y -qq "${missing[@]}" >/dev/null; }; then
        exit 0
    fi
fi
echo "Runnel needs the packages ${missing[*]}, which could not be installed from here. Type:" >&2
echo "    sudo apt-get update && sudo apt-get install -y ${missing[*]}" >&2
exit 1
