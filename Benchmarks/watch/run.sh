#!/usr/bin/env bash
# Measures how long it takes from the rename of a file into a watched folder until the action for it has begun: in
# `runnel serve`, with the run durable before, and in inotifywait, watchmedo and incron. All watch at the same time,
# each its own folder, and files are given to one after another in turns.
#
#   Benchmarks/watch/run.sh [files] [rounds]
#
# BENCH_DIR and RUNNEL are described in Benchmarks/serve/common.sh. incron's daemon has to be root.
set -euo pipefail
cd "$(dirname "$0")/../.."
source Benchmarks/serve/common.sh

files=${1:-100}
rounds=${2:-5}
find_runnel
need_python

watchers=(runnel="$RUNNEL")
if have inotifywait inotify-tools; then
    watchers+=(inotifywait="$(command -v inotifywait)")
else
    left_out inotifywait "apt-get install inotify-tools"
fi
if have_python watchdog 'watchdog[watchmedo]' && [ -x "$venv/bin/watchmedo" ]; then
    watchers+=(watchmedo="$venv/bin/watchmedo")
else
    left_out watchmedo "pip install 'watchdog[watchmedo]'"
fi
PATH=$PATH:/usr/sbin
if [ "$(id -u)" -ne 0 ]; then
    left_out incron "its daemon has to be started by root"
elif have incrond incron; then
    watchers+=(incron="$(command -v incrond)")
else
    left_out incron "apt-get install incron"
fi

print_machine
folder=$(mktemp -d "$scratch/watch.XXXXXX")
probe() { echo "fsync probe: $("$venv/bin/python" Benchmarks/serve/probe.py "$folder") ms a durable write of 4 KiB"; }
probe
"$venv/bin/python" Benchmarks/watch/latency.py "$folder" "$files" "$rounds" "${watchers[@]}"
probe
rm -rf "$folder"
