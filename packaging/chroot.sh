# A chroot of Debian 12 to try packages in. To be sourced by a script that was called with RUNNEL [FOLDER]; it sets `runnel`,
# the binary, and FOLDER, where the chroot's archive and the logs are kept. After open_chroot, ROOT is the chroot, which is
# removed at the end.

runnel=$(realpath "$1")
mkdir -p "${2:-$(dirname "$0")/../.build/packages}"
FOLDER=$(realpath "${2:-$(dirname "$0")/../.build/packages}")
[ "$(id -u)" -eq 0 ] || { echo "A chroot needs root: sudo $0 $runnel" >&2; exit 1; }
cd "$(dirname "$0")/.."
scripts/packages.sh package

open_chroot() {
    ROOT=$(mktemp -d /var/tmp/runnel-chroot.XXXXXX)
    trap close_chroot EXIT
    local archive=$FOLDER/bookworm.tar
    if ! [ -s "$archive" ]; then
        debootstrap --variant=minbase bookworm "$ROOT" >"$FOLDER/debootstrap.log" 2>&1 ||
            { tail -n 20 "$FOLDER/debootstrap.log" >&2; return 1; }
        tar -C "$ROOT" -cf "$archive.new" . && mv "$archive.new" "$archive"
    else
        tar -C "$ROOT" -xf "$archive"
    fi
    # A folder of mktemp is closed to other users, such as the one that the service runs as.
    chmod 755 "$ROOT"
    mount -t proc proc "$ROOT/proc"
    cp /etc/resolv.conf "$ROOT/etc/resolv.conf"
    # How this machine reaches its Debian mirror.
    [ -d /etc/apt/apt.conf.d ] && cp -r /etc/apt/apt.conf.d/. "$ROOT/etc/apt/apt.conf.d/"
    failed=0
}

close_chroot() {
    local pid
    for pid in $(find /proc -maxdepth 2 -name root -lname "$ROOT*" 2>/dev/null | cut -d/ -f3); do
        kill -9 "$pid" 2>/dev/null || true
    done
    umount "$ROOT/proc" 2>/dev/null || true
    rm -rf --one-file-system "$ROOT"
}

inside() {
    chroot "$ROOT" /usr/bin/env -i HOME=/root PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 \
        DEBIAN_FRONTEND=noninteractive "$@"
}

# holds SENTENCE COMMAND...: prints whether what must be true is, with what the command printed where it is not.
holds() {
    local sentence=$1
    shift
    if "$@" >"$FOLDER/last.log" 2>&1; then echo "ok    $sentence"; else
        echo "FAIL  $sentence"
        sed 's/^/      /' "$FOLDER/last.log"
        failed=1
    fi
}

# types_tutorial COMMAND...: types what docs/tutorial.md says; COMMAND runs its last argument in a shell of the chroot. Python is for
# the plugin of that page.
types_tutorial() {
    cp scripts/tutorial.sh docs/tutorial.md "$ROOT/tmp/"
    inside apt-get install -y -qq python3 && "$@" 'sh /tmp/tutorial.sh runnel /tmp/tutorial.md'
}

# copies_plugin SHARE: the line of docs/plugins.md that copies a plugin from below SHARE.
copies_plugin() { grep -o "mkdir -p plugins && cp -r $1/runnel/plugins/mail plugins/" docs/plugins.md || echo false; }

lacks() { ! [ -e "$ROOT$1" ]; }
