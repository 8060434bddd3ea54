#!/usr/bin/env bash
# Starts PostgreSQL and three workers, harms the one that works on a run, and shows another one going on.
#
# As root on Linux each worker has a host name and a network of its own, and the cable of one is pulled. Otherwise the three
# share this machine, and one is killed.
set -euo pipefail
cd "$(dirname "$0")"
runnel=$(command -v "${RUNNEL:-runnel}") || { echo "There is no runnel in PATH; set RUNNEL." >&2; exit 1; }
runnel=$(realpath "$runnel")
network=10.87.0
bridge=runnel-bridge

coproc_pid=
folder=$(mktemp -d)
workers=()
has_networks() { [ "$(id -u)" -eq 0 ] && command -v ip >/dev/null && ip link add "$bridge" type bridge 2>/dev/null; }
finish() {
    [ ${#workers[@]} -eq 0 ] || kill "${workers[@]}" 2>/dev/null || true
    [ -z "$coproc_pid" ] || exec {input}>&-
    wait
    if [ "$mode" = networks ]; then
        for number in 1 2 3; do ip netns del "runnel$number" 2>/dev/null || true; done
        ip link del "$bridge" 2>/dev/null || true
    fi
    rm -rf "$folder"
}
mode=processes
if has_networks; then mode=networks; fi
trap finish EXIT

# on NUMBER COMMAND…: what a person would type on that machine. With prefix=exec it takes the place of the shell.
prefix=
on() {
    local number=$1
    shift
    if [ $mode = networks ]; then
        $prefix ip netns exec "runnel$number" unshare --uts bash -c 'hostname "$0"; exec "$@"' "machine$number" "$@"
    else
        $prefix "$@"
    fi
}
address() { if [ $mode = networks ]; then echo "127.0.0.1:8790"; else echo "127.0.0.1:$((8790 + $1))"; fi; }

if [ $mode = networks ]; then
    ip addr add "$network.1/24" dev "$bridge"
    ip link set "$bridge" up
    for number in 1 2 3; do
        ip netns add "runnel$number"
        ip link add "runnel-veth$number" type veth peer name eth0 netns "runnel$number"
        ip link set "runnel-veth$number" master "$bridge" up
        ip netns exec "runnel$number" ip addr add "$network.1$number/24" dev eth0
        ip netns exec "runnel$number" ip link set eth0 up
        ip netns exec "runnel$number" ip link set lo up
    done
    coproc server { ../../scripts/postgres.sh -c "listen_addresses=$network.1" -n "$network.0/24"; }
else
    coproc server { ../../scripts/postgres.sh; }
fi
coproc_pid=$server_PID
input=${server[1]}
read -r local_url <&"${server[0]}"
url=$local_url
if [ $mode = networks ]; then url="postgres://runnel@$network.1/postgres"; fi
query() { psql -qXAt "$local_url" -c "$1"; }

for number in 1 2 3; do
    mkdir "$folder/machine$number"
    cp -r pipelines "$folder/machine$number"
    echo "journal: { url: \"$url\" }" >"$folder/machine$number/runnel.yaml"
    port=$(address "$number")
    (prefix=exec && cd "$folder/machine$number" && on "$number" "$runnel" serve --port "${port##*:}") >"$folder/machine$number/log" 2>&1 &
    workers+=($!)
done
for number in 1 2 3; do
    until on "$number" curl -sf "http://$(address "$number")/health/ready" >/dev/null; do sleep 0.2; done
done
cd "$folder/machine1"

echo "A call of machine 1:"
on 1 curl -s -X POST "http://$(address 1)/hooks/count" -H 'content-type: application/json' -d '{}'
echo
sleep 3
on 1 "$runnel" workers
host=$(query "SELECT w.host FROM runnel.active a JOIN runnel.workers w ON w.id = a.owner LIMIT 1")
process=$(query "SELECT w.pid FROM runnel.active a JOIN runnel.workers w ON w.id = a.owner LIMIT 1")
if [ $mode = networks ]; then
    number=${host#machine}
    echo "The worker on $host works on the run. Its network cable is pulled."
    ip netns exec "runnel$number" ip link set eth0 down
    other=$((number % 3 + 1))
else
    echo "The worker with the process $process works on the run. It is killed."
    kill -9 "$process"
    other=1
fi
echo "Another one takes the run over when the heartbeat has been missing for 15s:"
until [ "$(query 'SELECT count(*) FROM runnel.ends')" = 1 ]; do sleep 1; done
cd "$folder/machine$other"
on "$other" "$runnel" workers
on "$other" "$runnel" runs list
on "$other" "$runnel" runs show last
if [ $mode = networks ]; then
    echo "The cable is back. What the worker on $host did meanwhile counts nothing, and it takes runs again:"
    ip netns exec "runnel$number" ip link set eth0 up
    until [ "$(query "SELECT count(*) FROM runnel.workers WHERE host = '$host'")" = 1 ]; do sleep 1; done
    grep -h -E "fenced itself|declared it dead|joined again|owned by this process" "$folder/machine$number/log" || true
fi
