#!/usr/bin/env bash
# Starts a PostgreSQL of its own for tests and measurements, in a new folder, on a Unix socket alone:
#     scripts/postgres.sh [-c NAME=VALUE …] [-n NETWORK]
# It prints the URL of the database, then obeys what it reads: "stop", "start", "restart", "crash", each answered with
# "done". When its standard input ends, the server is stopped and the folder removed. Machines of the network, such as
# 10.87.0.0/24, are let in without a password.
set -euo pipefail

bin=$({ ls -d /usr/lib/postgresql/*/bin /usr/pgsql-*/bin; pg_config --bindir; } 2>/dev/null | sort -V | tail -1 || true)
if [ ! -x "${bin:-}/initdb" ]; then
    echo "PostgreSQL is not installed. Type: scripts/packages.sh postgres" >&2
    exit 1
fi

as=()
user=$(id -un)
if [ "$(id -u)" -eq 0 ]; then
    # The server refuses to run as root.
    user=$(id -un postgres 2>/dev/null || echo nobody)
    as=(setpriv "--reuid=$user" "--regid=$(id -g "$user")" --init-groups)
    # Some sandboxes let root alone write to /dev/null, which initdb needs: it gets one of its own.
    if ! "${as[@]}" test -w /dev/null; then
        [ -z "${RUNNEL_NULL:-}" ] || { echo "$user cannot write to /dev/null" >&2; exit 1; }
        RUNNEL_NULL=$(mktemp -d) exec unshare -m bash -c \
            'mknod -m 666 "$RUNNEL_NULL/null" c 1 3 && mount --bind "$RUNNEL_NULL/null" /dev/null && exec "$@"' - "$0" "$@"
    fi
fi
# The path of a socket has at most 107 bytes.
folder=$(mktemp -d /tmp/runnel-postgres.XXXXXX)
chown "$user" "$folder"
control() {
    (cd "$folder" && "${as[@]}" "$bin/pg_ctl" -D "$folder/data" -s "$@") </dev/null >>"$folder.log" 2>&1
}
finish() {
    control -m immediate -w stop || true
    rm -rf "$folder" "$folder.log" ${RUNNEL_NULL:+"$RUNNEL_NULL"}
}
trap finish EXIT
trap 'exit 1' INT TERM HUP

(cd "$folder" && "${as[@]}" "$bin/initdb" -D "$folder/data" -U runnel -A trust -E UTF8 --locale=C --no-sync) \
    </dev/null >"$folder.log" 2>&1 || { cat "$folder.log" >&2; exit 1; }
cat >>"$folder/data/postgresql.conf" <<CONF
listen_addresses = ''
unix_socket_directories = '$folder'
max_connections = 400
shared_buffers = 32MB
CONF
while [ "${1:-}" = -c ]; do
    echo "${2%%=*} = '${2#*=}'" >>"$folder/data/postgresql.conf"
    shift 2
done
if [ "${1:-}" = -n ]; then echo "host all all $2 trust" >>"$folder/data/pg_hba.conf"; fi
control -w start || { cat "$folder.log" "$folder"/data/log/* >&2 2>/dev/null; exit 1; }
echo "postgres://runnel@/postgres?host=$folder"

while read -r command; do
    case "$command" in
        stop) control -m fast -w stop ;;
        start) control -w start ;;
        restart) control -m fast -w restart ;;
        crash) control -m immediate -w stop && control -w start ;;
        *) echo "unknown: $command" >&2; exit 1 ;;
    esac
    echo done
done
