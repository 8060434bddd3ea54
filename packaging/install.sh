#!/bin/sh
# Installs Runnel from its archive, after comparing the archive's SHA-256 with the one that stands beside it.
#
#   sh install.sh [--prefix DIR] ARCHIVE
#
# ARCHIVE is runnel-VERSION-linux-MACHINE.tar.gz or its address (https://…); ARCHIVE.sha256 must stand beside it. DIR is
# /usr/local for root and ~/.local for anybody else unless given.
set -eu

prefix=
archive=
while [ $# -gt 0 ]; do
    case "$1" in
        --prefix)
            [ $# -ge 2 ] || { echo "install.sh: --prefix needs a folder" >&2; exit 2; }
            prefix=$2
            shift 2 ;;
        --prefix=*) prefix=${1#--prefix=}; shift ;;
        -h | --help) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 0 ;;
        -*) echo "install.sh: there is no option \"$1\"" >&2; exit 2 ;;
        *) archive=$1; shift ;;
    esac
done
[ -n "$archive" ] || { echo "Usage: sh install.sh [--prefix DIR] ARCHIVE" >&2; exit 2; }
if [ -z "$prefix" ]; then
    if [ "$(id -u)" -eq 0 ]; then prefix=/usr/local; else prefix=$HOME/.local; fi
fi

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT INT TERM
name=$(basename "$archive")
case "$archive" in
    http://*) echo "install.sh: \"$archive\" is not encrypted; use https" >&2; exit 2 ;;
    https://*)
        command -v curl >/dev/null || { echo "install.sh: curl is missing; install it, or download the archive yourself" >&2; exit 1; }
        curl -fsSL --proto '=https' -o "$scratch/$name" "$archive"
        curl -fsSL --proto '=https' -o "$scratch/$name.sha256" "$archive.sha256" ;;
    *)
        [ -f "$archive" ] || { echo "install.sh: there is no file \"$archive\"" >&2; exit 1; }
        [ -f "$archive.sha256" ] || { echo "install.sh: there is no \"$archive.sha256\" to compare the archive with" >&2; exit 1; }
        cp "$archive" "$archive.sha256" "$scratch/" ;;
esac

expected=$(awk 'NR == 1 { print $1 }' "$scratch/$name.sha256")
found=$(sha256sum "$scratch/$name" | awk '{ print $1 }')
if [ "$expected" != "$found" ]; then
    echo "install.sh: \"$name\" is damaged or was changed: its SHA-256 is $found, expected $expected. Nothing was installed." >&2
    exit 1
fi

tar -C "$scratch" -xzf "$scratch/$name"
tree=$scratch/${name%.tar.gz}
[ -x "$tree/bin/runnel" ] || { echo "install.sh: \"$name\" does not contain bin/runnel. Nothing was installed." >&2; exit 1; }
needed=$(cat "$tree/lib/runnel/glibc")
present=$(getconf GNU_LIBC_VERSION 2>/dev/null | awk '{ print $2 }')
if [ -z "$present" ]; then
    echo "install.sh: this machine has no glibc, such as Alpine Linux; the archive needs glibc $needed or later. Nothing was installed." >&2
    exit 1
fi
if awk -v p="$present" -v n="$needed" 'BEGIN { split(p, a, "."); split(n, b, "."); exit !(a[1] < b[1] || (a[1] == b[1] && a[2] < b[2])) }'; then
    echo "install.sh: this machine has glibc $present; the archive needs glibc $needed or later. Nothing was installed." >&2
    echo "  = build an archive on a system as old as this one (make tarball), or use a newer system, such as Debian 12 or Ubuntu 24.04" >&2
    exit 1
fi
if ! "$tree/bin/runnel" --version >"$scratch/version" 2>&1; then
    cat "$scratch/version" >&2
    echo "install.sh: this machine cannot run the binary: see the line above. Nothing was installed." >&2
    exit 1
fi

sed "s|@BINDIR@|$prefix/bin|" "$tree/lib/systemd/system/runnel.service" >"$scratch/unit"
mv "$scratch/unit" "$tree/lib/systemd/system/runnel.service"
mkdir -p "$prefix/bin"
for folder in lib share; do
    (cd "$tree" && find "$folder" -type d) | while read -r path; do mkdir -p "$prefix/$path"; done
    (cd "$tree" && find "$folder" -type f) | while read -r path; do
        cp "$tree/$path" "$prefix/$path.new" && mv -f "$prefix/$path.new" "$prefix/$path"
    done
done
# Last, and in one step: a running server keeps the file that it has open.
cp "$tree/bin/runnel" "$prefix/bin/runnel.new"
mv -f "$prefix/bin/runnel.new" "$prefix/bin/runnel"
echo "Installed $(cat "$scratch/version") as $prefix/bin/runnel."
case ":$PATH:" in
    *":$prefix/bin:"*) ;;
    *) echo "$prefix/bin is not in your PATH. Type: export PATH=\"$prefix/bin:\$PATH\"" ;;
esac
