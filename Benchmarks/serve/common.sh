# What the benchmarks of `runnel serve` share. To be sourced from the repository's folder.
#
#   BENCH_DIR  where journals, watched folders and the peers' Python go: a disk, not a file system in memory
#   RUNNEL     a release binary to measure instead of building one

scratch=${BENCH_DIR:-.build-bench}
mkdir -p "$scratch"
scratch=$(cd "$scratch" && pwd)
venv=$scratch/venv
started=()

# The binary, built if none is named.
find_runnel() {
    if [ -z "${RUNNEL:-}" ]; then
        swift build -c release --product runnel >&2
        RUNNEL="$(swift build -c release --show-bin-path)/runnel"
    fi
    [ -x "$RUNNEL" ] || { echo "There is no program $RUNNEL." >&2; exit 1; }
}

# have COMMAND PACKAGE: whether there is the command, installed with apt if that can be done from here.
have() {
    command -v "$1" >/dev/null && return
    command -v apt-get >/dev/null || return 1
    local sudo=
    if [ "$(id -u)" -ne 0 ]; then
        sudo -n true 2>/dev/null || return 1
        sudo=sudo
    fi
    $sudo apt-get install -y -qq "$2" >/dev/null 2>&1 ||
        { $sudo apt-get update -qq && $sudo apt-get install -y -qq "$2"; } >/dev/null 2>&1 || return 1
    command -v "$1" >/dev/null
}

# have_python MODULE PACKAGE...: whether the benchmarks' Python can import the module, installed with pip if need be.
have_python() {
    local module=$1
    shift
    if ! [ -x "$venv/bin/python" ]; then
        command -v python3 >/dev/null && python3 -m venv "$venv" >/dev/null 2>&1 || return 1
    fi
    "$venv/bin/python" -c "import $module" 2>/dev/null && return
    "$venv/bin/pip" install --quiet --disable-pip-version-check "$@" >/dev/null 2>&1 || return 1
    "$venv/bin/python" -c "import $module" 2>/dev/null
}

# The benchmarks' own programs are Python without packages.
need_python() {
    have_python sqlite3 && return
    echo "Python's venv module is missing. On Debian and Ubuntu: sudo apt-get install python3-venv" >&2
    exit 1
}

left_out() { echo "left out: $1 ($2)"; }

# What the figures were measured on.
print_machine() {
    local model cores
    model=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo 2>/dev/null | sort -u | head -1)
    [ -n "$model" ] || model=$(sysctl -n machdep.cpu.brand_string 2>/dev/null || uname -m)
    cores=$(getconf _NPROCESSORS_ONLN)
    echo "$(date -u +%Y-%m-%d), $cores cores of $model, $(uname -s) $(uname -r), load $(load)"
}

load() { cut -d' ' -f1 /proc/loadavg 2>/dev/null || sysctl -n vm.loadavg | cut -d' ' -f2; }

# serve FOLDER: starts `runnel serve` on FOLDER/pipelines; its port is in $port, its process in $server.
serve() {
    "$RUNNEL" serve "$1/pipelines" --port 0 >"$1/serve.out" 2>"$1/serve.err" &
    server=$!
    started+=("$server")
    wait_until "$server" grep -q '^Listening' "$1/serve.out"
    port=$(sed -n 's/^Listening on .*:\([0-9]*\)$/\1/p' "$1/serve.out")
}

# wait_until PROCESS COMMAND...: until the command succeeds; ends everything when the process dies or 30 s are over.
wait_until() {
    local process=$1 deadline=$((SECONDS + 30))
    shift
    until "$@" >/dev/null 2>&1; do
        if ! kill -0 "$process" 2>/dev/null || [ "$SECONDS" -ge "$deadline" ]; then
            echo "A server did not start; its output is in $scratch." >&2
            exit 1
        fi
        sleep 0.05
    done
}

# end PROCESS: kills a server at once, and waits until it is gone.
end() {
    kill -9 "$1" 2>/dev/null || true
    wait "$1" 2>/dev/null || true
}

end_all() {
    local process
    for process in ${started[@]+"${started[@]}"}; do end "$process"; done
}
trap end_all EXIT

# A number a line in, the median out.
median() { sort -n | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
