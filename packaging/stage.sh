#!/usr/bin/env bash
# Puts a built `runnel` with its manual page, completions, systemd files and documents below a folder. `make install`, the
# Debian package and the tarball all use it.
#
#   packaging/stage.sh RUNNEL DESTDIR PREFIX [UNITDIR]
#
# RUNNEL is the binary, PREFIX where it will be found at run time (/usr/local, /usr). UNITDIR is PREFIX/lib/systemd/system
# unless given.
set -euo pipefail
runnel=$(realpath "$1")
destination=$2
prefix=$3
cd "$(dirname "$0")/.."
units=${4:-$prefix/lib/systemd/system}
root=$destination$prefix
share=$root/share

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

if strip --version >/dev/null 2>&1; then strip -o "$scratch/runnel" "$runnel"; else cp "$runnel" "$scratch/runnel"; fi
install -D -m 755 "$scratch/runnel" "$root/bin/runnel"

# write FILE COMMAND...: installs what the command prints.
write() {
    local file=$1
    shift
    "$@" >"$scratch/out"
    [ -s "$scratch/out" ] || { echo "$* printed nothing." >&2; exit 1; }
    install -D -m 644 "$scratch/out" "$file"
}
write "$share/man/man1/runnel.1" "$runnel" docs man
gzip -9nf "$share/man/man1/runnel.1"
write "$share/bash-completion/completions/runnel" "$runnel" --generate-completion-script bash
sed -i '1{/^#!/d}' "$share/bash-completion/completions/runnel"
write "$share/zsh/${ZSH_FUNCTIONS:-site-functions}/_runnel" "$runnel" --generate-completion-script zsh
write "$share/fish/vendor_completions.d/runnel.fish" "$runnel" --generate-completion-script fish

install -d "$share/doc/runnel"
install -m 644 README.md CHANGELOG.md SECURITY.md docs/*.md "$share/doc/runnel"
# The pages lie beside it.
sed -i 's|(docs/|(|g' "$share/doc/runnel/README.md"
# tree FROM TO: installs a folder with what is below it; what can be executed stays so.
tree() {
    local file mode
    (cd "$1" && find . -type f ! -path '*/__pycache__/*' ! -path '*/.runnel/*' ! -path '*/out/*') | while read -r file; do
        if [ -x "$1/$file" ]; then mode=755; else mode=644; fi
        install -D -m "$mode" "$1/$file" "$2/$file"
    done
}
tree docs/reference "$share/doc/runnel/reference"
install -d "$share/doc/runnel/examples" "$share/doc/runnel/monitoring"
install -m 644 pipelines/*.yaml "$share/doc/runnel/examples"
tree examples/everyday "$share/doc/runnel/examples/everyday"
install -m 644 packaging/alerts.yml packaging/grafana.json "$share/doc/runnel/monitoring"
# The plugins that are programs, to be copied into a project.
for manifest in plugins/*/plugin.yaml; do
    plugin=$(basename "$(dirname "$manifest")")
    tree "plugins/$plugin" "$share/runnel/plugins/$plugin"
done

if [ "$(uname)" = Linux ]; then
    sed "s|@BINDIR@|$prefix/bin|" packaging/systemd/runnel.service.in >"$scratch/unit"
    install -D -m 644 "$scratch/unit" "$destination$units/runnel.service"
    install -D -m 644 packaging/systemd/runnel.socket "$destination$units/runnel.socket"
    install -D -m 644 packaging/systemd/sysusers.conf "$root/lib/sysusers.d/runnel.conf"
    install -D -m 644 packaging/systemd/tmpfiles.conf "$root/lib/tmpfiles.d/runnel.conf"
    # Kept as it is where there is one: an administrator may have put secrets into it.
    [ -e "$destination/etc/runnel/environment" ] ||
        install -D -m 600 packaging/systemd/environment "$destination/etc/runnel/environment"
fi
