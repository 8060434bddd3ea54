#!/usr/bin/env bash
# Builds an archive for distributions without a package: the binary, the shared libraries it needs beyond the C library, the
# manual page, completions and systemd files, with a SHA-256 beside it.
#
#   packaging/tarball.sh RUNNEL [FOLDER]
#
# The libraries are those of this machine and are found relative to the binary. The C library is that of the machine where the
# archive is installed; how new it has to be is written into the archive, and install.sh checks it.
set -euo pipefail
runnel=$(realpath "$1")
mkdir -p "${2:-$(dirname "$0")/../.build/packages}"
out=$(realpath "${2:-$(dirname "$0")/../.build/packages}")
cd "$(dirname "$0")/.."
scripts/packages.sh package >&2
version=$("$runnel" --version | awk '{ print $2 }')
name=runnel-$version-linux-$(uname -m)

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
packaging/stage.sh "$runnel" "$scratch/$name" "" /lib/systemd/system
rm -r "$scratch/$name/etc"
cp packaging/systemd/environment "$scratch/$name/share/doc/runnel/environment"
cp packaging/install.sh LICENSE "$scratch/$name"
# A unit of an archive is installed below a prefix that install.sh knows.
sed 's|^ExecStart=/bin/|ExecStart=@BINDIR@/|' -i "$scratch/$name/lib/systemd/system/runnel.service"

libraries=$scratch/$name/lib/runnel
mkdir -p "$libraries"
ldd "$runnel" | awk '$3 ~ /^\// { print $3 }' | grep -vE '/(libc|libm|libdl|libpthread|librt)\.so' |
    while read -r library; do
        install -m 644 "$library" "$libraries/"
        # Its licence, where Debian's package manager knows it.
        owner=$(dpkg-query -S "$library" 2>/dev/null || dpkg-query -S "$(realpath "$library")" 2>/dev/null || true)
        owner=${owner%%:*}
        [ -z "$owner" ] || install -D -m 644 "/usr/share/doc/$owner/copyright" "$scratch/$name/share/doc/runnel/licenses/$owner"
    done
[ -n "$(ls "$libraries")" ] || { echo "ldd named no library of $runnel." >&2; exit 1; }
# RPATH, not RUNPATH: it also holds for what the libraries need themselves.
patchelf --force-rpath --set-rpath '$ORIGIN/../lib/runnel' "$scratch/$name/bin/runnel"

# The newest version of glibc whose symbols are used: by the binary, or by a library beside it, such as libstdc++.
command -v objdump >/dev/null || { echo "objdump is missing, which tells the glibc that is needed; install binutils." >&2; exit 1; }
glibc=$(objdump -T "$scratch/$name/bin/runnel" "$libraries"/* | grep -o 'GLIBC_[0-9][0-9.]*' | sort -Vu | tail -n 1 | cut -d_ -f2)
[ -n "$glibc" ] || { echo "objdump named no version of glibc in $runnel." >&2; exit 1; }
echo "$glibc" >"$libraries/glibc"
cat >"$scratch/$name/README" <<README
Runnel $version for Linux on $(uname -m), with glibc $glibc or later (\`ldd --version\` says which one a machine has).

Type \`sh install.sh ARCHIVE\` beside the archive, or put this folder anywhere and start bin/runnel.
share/doc/runnel holds the documents; operations.md says how to run Runnel as a service.
README

export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}
tar -C "$scratch" --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner -cf - "$name" |
    gzip -9n >"$out/$name.tar.gz"
(cd "$out" && sha256sum "$name.tar.gz" >"$name.tar.gz.sha256")
cp packaging/install.sh "$out/install.sh"
echo "It needs glibc $glibc or later." >&2
echo "$out/$name.tar.gz"
