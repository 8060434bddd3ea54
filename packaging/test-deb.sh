#!/usr/bin/env bash
# Installs, upgrades, removes and purges the Debian package in a chroot of Debian 12, and runs pipelines there as its user.
# Needs root; loopback alone is used by what is tested, the Debian mirror by apt.
#
#   packaging/test-deb.sh RUNNEL [FOLDER]
#
# FOLDER keeps the packages and the chroot's archive (.build/packages unless given).
set -euo pipefail
source "$(dirname "$0")/chroot.sh"

first=$(packaging/deb.sh "$runnel" "$FOLDER" | tail -n 1)
second=$(VERSION=999.0 packaging/deb.sh "$runnel" "$FOLDER" | tail -n 1)

open_chroot
cp "$first" "$second" "$ROOT/root/"
as_runnel() { inside setpriv --reuid runnel --regid runnel --init-groups env HOME=/var/lib/runnel bash -euc "cd /var/lib/runnel; $1"; }

inside apt-get update -qq 2>/dev/null
holds "the package and what it depends on are installed" inside apt-get install -y -qq "/root/$(basename "$first")"
holds "the binary starts" inside runnel --version
holds "its user exists" inside id runnel
holds "the project's folder is the user's alone" test "$(inside stat -c '%U %a' /var/lib/runnel)" = "runnel 750"
holds "secrets of the service can be read by root alone" test "$(inside stat -c '%U %a' /etc/runnel/environment)" = "root 600"
holds "the unit names a binary that exists" inside sh -c 'test -x "$(sed -n "s/^ExecStart=\([^ ]*\).*/\1/p" /lib/systemd/system/runnel.service)"'
holds "the socket unit is there, and enabled by nobody but an administrator" test -e "$ROOT/lib/systemd/system/runnel.socket" -a ! -e "$ROOT/etc/systemd/system/sockets.target.wants/runnel.socket"
holds "a project is created and its pipeline runs" as_runnel 'runnel init >/dev/null; echo "Runnel runs pipelines." >notes.txt; runnel run pipelines/hello --simulate --input-file notes.txt'
holds "its test passes" as_runnel 'runnel test'
serve='export RUNNEL_SERVER_PORT=18790; runnel serve . --simulate >serve.log 2>&1 & for _ in $(seq 100); do runnel status >/dev/null 2>&1 && break; sleep 0.1; done; runnel status; kill %1; wait %1'
holds "it is served" as_runnel "$serve"
holds "a plugin that ships is copied as docs/plugins.md says, and brings its step" as_runnel "$(copies_plugin /usr/share); runnel steps mail.send"
holds "one that is a script can be executed" as_runnel 'cp -r /usr/share/runnel/plugins/disk plugins/; echo "steps: [ { uses: disk.usage } ]" >disk.yaml; runnel run disk; rm disk.yaml'
holds "what the tutorial says works as it is typed" types_tutorial as_runnel

# The unit's own sandbox, around the commands that use most of the system: programs of steps, jq, files and a server.
unit=$ROOT/lib/systemd/system/runnel.service
sandboxed() {
    packaging/sandbox.py --root "$ROOT" --user runnel "$unit" /usr/bin/env -i HOME=/var/lib/runnel \
        PATH=/usr/bin:/bin LC_ALL=C.UTF-8 bash -euc "cd /var/lib/runnel; $1"
}
refused_there() { ! sandboxed 'taskset 1 true'; }
if ! command -v systemd-analyze >/dev/null; then
    echo "SKIP  the unit's sandbox was not tried: systemd-analyze is missing (sudo apt-get install systemd)"
else
    cat >"$ROOT/var/lib/runnel/pipelines/sandboxed.yaml" <<'PIPELINE'
steps:
  - { id: words, uses: shell, with: { run: echo one two } }
  - { id: first, uses: transform, with: { jq: '.stdout | split(" ") | .[0]' } }
  - { uses: file.write, with: { path: out/sandboxed.txt, content: "{{ steps.first }}" } }
PIPELINE
    holds "the unit's sandbox refuses a call that it does not allow" refused_there
    holds "the binary starts in it" sandboxed 'runnel --version'
    holds "a shell step, jq and a file work in it" sandboxed 'runnel run pipelines/sandboxed; test "$(cat out/sandboxed.txt)" = one'
    holds "it is served there" sandboxed "$serve"
fi
runs=$(as_runnel 'runnel runs list --json' || true)

echo "MARKETPLACE_CLIENT_SECRET=kept" >>"$ROOT/etc/runnel/environment"
holds "a newer version is installed over it" inside apt-get install -y -qq -o Dpkg::Options::=--force-confdef "/root/$(basename "$second")"
holds "what an administrator changed is kept" grep -q '^MARKETPLACE_CLIENT_SECRET=kept$' "$ROOT/etc/runnel/environment"
holds "there is a run to keep" grep -q succeeded <<<"$runs"
holds "its runs are kept" test "$(as_runnel 'runnel runs list --json')" = "$runs"

holds "it is removed" inside apt-get remove -y -qq runnel
holds "the binary is gone" lacks /usr/bin/runnel
holds "configuration and project are left" test -e "$ROOT/etc/runnel/environment" -a -e "$ROOT/var/lib/runnel/.runnel/journal.db"
holds "it is purged" inside apt-get purge -y -qq runnel
holds "the configuration is gone" lacks /etc/runnel
holds "pipelines and journal are left" test -e "$ROOT/var/lib/runnel/.runnel/journal.db"
exit "$failed"
