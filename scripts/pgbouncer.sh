#!/usr/bin/env bash
# Starts PgBouncer in transaction mode in front of a server of scripts/postgres.sh, on a Unix socket alone:
#     scripts/pgbouncer.sh URL
# It prints the URL that leads through it. When it reads "stop", or its standard input ends, PgBouncer is stopped.
set -euo pipefail

program=$(PATH="$PATH:/usr/sbin" command -v pgbouncer) || {
    echo "PgBouncer is not installed. On Debian and Ubuntu: sudo apt-get install pgbouncer" >&2
    exit 1
}
target=${1##*host=}
folder=$(mktemp -d /tmp/runnel-pgbouncer.XXXXXX)
as=()
if [ "$(id -u)" -eq 0 ]; then
    # It refuses to run as root.
    user=$(id -un postgres 2>/dev/null || echo nobody)
    chown "$user" "$folder"
    as=(setpriv "--reuid=$user" "--regid=$(id -g "$user")" --init-groups)
fi
cat >"$folder/pgbouncer.ini" <<CONF
[databases]
postgres = host=$target user=runnel
[pgbouncer]
listen_addr =
listen_port = 6432
unix_socket_dir = $folder
auth_type = any
pool_mode = transaction
default_pool_size = 4
max_client_conn = 100
CONF
"${as[@]}" "$program" -q "$folder/pgbouncer.ini" </dev/null >"$folder.log" 2>&1 &
process=$!
finish() {
    # A signal that the caller has blocked stays blocked in its children; this one cannot be.
    kill -KILL "$process" 2>/dev/null || true
    wait "$process" 2>/dev/null || true
    rm -rf "$folder" "$folder.log"
}
trap finish EXIT
trap 'exit 1' INT TERM HUP
until [ -S "$folder/.s.PGSQL.6432" ]; do
    kill -0 "$process" 2>/dev/null || { cat "$folder.log" >&2; exit 1; }
    sleep 0.05
done
echo "postgres://runnel@/postgres?host=$folder&port=6432"
while read -r command && [ "$command" != stop ]; do :; done
