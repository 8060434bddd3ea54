#!/usr/bin/env bash
# Builds the Debian package of a built binary with debhelper, and checks it with lintian.
#
#   packaging/deb.sh RUNNEL [FOLDER]
#
# The package is written to FOLDER (.build/packages unless given). VERSION overrides the version that the binary tells.
set -euo pipefail
runnel=$(realpath "$1")
mkdir -p "${2:-$(dirname "$0")/../.build/packages}"
out=$(realpath "${2:-$(dirname "$0")/../.build/packages}")
cd "$(dirname "$0")/.."
scripts/packages.sh package
version=${VERSION:-$("$runnel" --version | awk '{ print $2 }')}
date=$(LC_ALL=C date -u -R -d "@${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}")

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
tree=$scratch/runnel-$version
mkdir -p "$tree"
cp -r packaging/debian "$tree/debian"
cp packaging/systemd/sysusers.conf "$tree/debian/runnel.sysusers"
cp packaging/systemd/tmpfiles.conf "$tree/debian/runnel.tmpfiles"
cat >"$tree/debian/changelog" <<CHANGES
runnel ($version-1) unstable; urgency=medium

  * Release $version. changelog.gz in this folder lists the changes.

 -- Runnel <maintainers@runnel.invalid>  $date
CHANGES

# debhelper installs the units, the user and the folder, and writes what starts and stops the service.
ZSH_FUNCTIONS=vendor-completions packaging/stage.sh "$runnel" "$scratch/staged" /usr /usr/lib/systemd/system
mv "$scratch/staged/usr/lib/systemd/system"/runnel.{service,socket} "$tree/debian"
rm -r "$scratch/staged/usr/lib"
(cd "$tree" && STAGED=$scratch/staged dpkg-buildpackage -b -us -uc -d >"$scratch/log" 2>&1) || { cat "$scratch/log" >&2; exit 1; }
mv "$scratch"/runnel_"$version"-1_*.deb "$out"
deb=$(ls "$out"/runnel_"$version"-1_*.deb)
# An upload to Debian's archive closes the bug that asks for the package; this is none.
lintian --allow-root --fail-on error,warning --suppress-tags initial-upload-closes-no-bugs "$deb"
echo "$deb"
