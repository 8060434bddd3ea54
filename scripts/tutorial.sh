#!/bin/sh
# Types what docs/tutorial.md says up to its first whole pipeline, in an empty folder, and compares what comes with what the page
# says. Needs sh, awk and Python 3, which the page's plugin is written in.
#
#   scripts/tutorial.sh RUNNEL [PAGE]
#
# RUNNEL is the binary, or its name in PATH; PAGE another page of the same form, such as docs/tutorial.ja.md.
set -eu
page=${2:-$(dirname "$0")/../docs/tutorial.md}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/bin" "$folder/home"
case $1 in
    */*)
        ln -s "$(realpath "$1")" "$folder/bin/runnel"
        PATH=$folder/bin:$PATH
        ;;
esac

# A block of indented lines is commands, or the content of the file that the paragraph before names, with a command to follow.
awk '
    BEGIN { RS = ""; FS = "\n"; quote = "'"'"'" }
    /^```/ { exit }
    {
        indented = 1
        for (i = 1; i <= NF; i++) if ($i !~ /^    /) indented = 0
        if (indented) {
            if (file != "") print "cat >" file " <<" quote "END OF FILE" quote
            for (i = 1; i <= NF; i++) print substr($i, 5)
            if (file != "") { print "END OF FILE"; print command }
        }
        file = ""
        if (!indented && match($0, /`[^` ]*\/[^` ]*\.yaml`/)) {
            name = substr($0, RSTART + 1, RLENGTH - 2)
            rest = substr($0, RSTART + RLENGTH)
            if (match(rest, /`runnel [^`]*`/)) { file = name; command = substr(rest, RSTART + 1, RLENGTH - 2) }
        }
    }' "$page" >"$folder/typed"

fail() {
    echo "$page: $1" >&2
    sed 's/^/    /' "$folder/typed" "$folder/said" >&2
    exit 1
}
: >"$folder/said"
[ "$(grep -c '^cat >' "$folder/typed")" -ge 2 ] || fail "expected at least 2 files to write in it"
[ "$(grep -c '^runnel ' "$folder/typed")" -ge 9 ] || fail "expected at least 9 commands of runnel in it"

(cd "$folder/home" && sh -ex "$folder/typed") >"$folder/said" 2>&1 || fail "typed as it stands, it fails"
says() { grep -qF -- "$1" "$folder/said" || fail "expected this to be printed: $1"; }
awk '/^    .*expect: .*output: /' "$page" >"$folder/tests"
[ -s "$folder/tests" ] || fail "expected a test with an output in it"
while read -r line; do
    name=${line#*name: }
    says "✓ ${name%%,*}"
    output=${line#*output: \{ }
    key=${output%%:*}
    value=${output#*: }
    says "\"$key\": ${value%% \}*}"
done <"$folder/tests"
[ -s "$folder/home/notes/out/notes.md" ] || fail "expected the pipeline hello to write out/notes.md"
for command in 'runs show last' 'logs last'; do
    grep -qF "\`runnel $command\`" "$page" || fail "expected it to name \`runnel $command\`"
    # shellcheck disable=SC2086
    (cd "$folder/home/notes" && runnel $command) >>"$folder/said" 2>&1 || fail "\`runnel $command\` fails"
done
cat "$folder/typed"
