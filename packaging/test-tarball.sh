#!/usr/bin/env bash
# Installs the archive with install.sh in a chroot of Debian 12 that has none of the libraries, and runs a pipeline there.
# Needs root; what is tested uses no network, apt the Debian mirror.
#
#   packaging/test-tarball.sh RUNNEL [FOLDER]
#
# FOLDER keeps the archive and the chroot's (.build/packages unless given).
set -euo pipefail
source "$(dirname "$0")/chroot.sh"

archive=$(packaging/tarball.sh "$runnel" "$FOLDER" | tail -n 1)
name=$(basename "$archive")
open_chroot
cp "$archive" "$archive.sha256" packaging/install.sh "$ROOT/root/"

lacks_library() { ! inside sh -c "ldconfig -p | grep -q $1"; }
holds "the chroot has no libyaml" lacks_library libyaml
holds "the chroot has no libjq" lacks_library libjq
holds "the chroot has no SQLite" lacks_library libsqlite3

refused() { ! inside sh /root/install.sh "$@"; }
printf x >>"$ROOT/root/$name"
holds "a changed archive is refused" refused "/root/$name"
holds "nothing of it was installed" lacks /usr/local/bin/runnel
cp "$archive" "$ROOT/root/$name"
mv "$ROOT/root/$name.sha256" "$ROOT/root/kept"
holds "an archive without its SHA-256 is refused" refused "/root/$name"
mv "$ROOT/root/kept" "$ROOT/root/$name.sha256"

# The same archive, made to need a C library that nobody has.
mkdir "$ROOT/root/future"
tar -C "$ROOT/root/future" -xzf "$archive"
glibc=$(cat "$ROOT/root/future/${name%.tar.gz}/lib/runnel/glibc")
holds "the README of the archive says which glibc it needs" grep -qF "glibc $glibc or later" "$ROOT/root/future/${name%.tar.gz}/README"
echo 99.0 >"$ROOT/root/future/${name%.tar.gz}/lib/runnel/glibc"
tar -C "$ROOT/root/future" -czf "$ROOT/root/future/$name" "${name%.tar.gz}"
(cd "$ROOT/root/future" && sha256sum "$name" >"$name.sha256")
too_new() { ! inside sh /root/install.sh "/root/future/$name" >"$ROOT/root/said" 2>&1; }
holds "an archive that needs a newer glibc is refused" too_new
holds "it is said which glibc is there and which is needed" grep -q 'this machine has glibc 2.36; the archive needs glibc 99.0 or later' "$ROOT/root/said"
holds "nothing of it was installed either" lacks /usr/local/bin/runnel
rm -r "$ROOT/root/future"

holds "the archive is installed" inside sh /root/install.sh "/root/$name"
holds "the binary starts" inside runnel --version
holds "a project is created and its pipeline runs" inside sh -euc \
    'mkdir /root/project; cd /root/project; runnel init >/dev/null; echo "Runnel runs pipelines." >notes.txt; runnel run pipelines/hello --simulate --input-file notes.txt'
holds "its test, with a transform, passes" inside sh -euc 'cd /root/project; runnel test'
holds "it is installed once more over itself" inside sh /root/install.sh "/root/$name"
holds "the unit names the binary" grep -q '^ExecStart=/usr/local/bin/runnel serve' "$ROOT/usr/local/lib/systemd/system/runnel.service"
holds "a plugin that ships is copied as docs/plugins.md says, and brings its step" inside sh -euc \
    "cd /root/project; $(copies_plugin /usr/local/share); runnel steps mail.send"
# The last one: Python brings libraries that the chroot must not have before.
inside apt-get update -qq 2>/dev/null
holds "what the tutorial says works as it is typed" types_tutorial inside sh -euc
exit "$failed"
