#!/bin/sh
# Uploads each repository's documents in one request, reads them back and compares. Run it again after an
# interruption: what is already there byte for byte is left alone. The first repository that fails ends the run,
# so that the first line of REPOSITORIES is the canary. HTTP 200 is not yet success: run accept afterwards.
# Options: run it without any.
set -eu
# shellcheck source-path=SCRIPTDIR source=server.sh
. "$(dirname "$0")/server.sh"
options "$@"

# Nothing leaves before every file is what the ceremony wrote.
check_files() {
    cut -f3,4 "$here/UPLOADS" | awk -F '\t' '{ print $2 "  " $1 }' >"$work/sums"
    (cd "$out" && sha256sum --quiet -c "$work/sums") >&2 || stop "these files are not what the ceremony wrote; nothing was uploaded"
}

# compare: $differ becomes the roles that the server lacks or has in other bytes. Returns 1 after a FAIL.
compare() {
    differ=''
    while IFS=$tab read -r _ role file _ _ <&4; do
        request "$work/document" "$base/$role.json"
        case $status in
        200) cmp -s "$work/document" "$out/$file" || differ="$differ $role" ;;
        404) differ="$differ $role" ;;
        *) verdict publish "$gun" FAIL "the server does not give $role: $(said)" && return 1 ;;
        esac
    done 4<"$work/uploads"
}

# With a snapshot key of its own the server signs hashes of what it understood, not of what it was sent.
check_snapshot() {
    request "$work/snapshot" "$base/snapshot.json"
    [ "$status" = 200 ] || { verdict publish "$gun" FAIL "the server does not give its snapshot: $(said)" && return 1; }
    while IFS=$tab read -r _ role _ _ digest <&4; do
        if [ "$role" != snapshot ] && ! grep -Fq "\"$digest\"" "$work/snapshot"; then
            verdict publish "$gun" FAIL "the server's snapshot does not name the uploaded $role; clients will refuse this repository"
            return 1
        fi
    done 4<"$work/uploads"
}

upload() {
    set --
    while IFS=$tab read -r _ role file _ _ <&4; do
        case " $differ " in
        *" $role "*) set -- "$@" -F "files=@$out/$file;filename=$role" ;;
        esac
    done 4<"$work/uploads"
    request "$work/answer" "$base/" "$@"
    [ "$status" = 200 ] || { verdict publish "$gun" FAIL "the server refuses${differ}: $(said)" && return 1; }
}

publish() {
    base=$server/v2/$gun/_trust/tuf
    awk -F '\t' -v gun="$gun" '$1 == gun' "$here/UPLOADS" >"$work/uploads"
    compare || return 0
    if [ -z "$differ" ]; then
        check_snapshot || return 0
        verdict publish "$gun" PASS "everything was already there, byte for byte"
        return
    fi
    uploaded=$differ
    upload || return 0
    compare || return 0
    if [ -n "$differ" ]; then
        verdict publish "$gun" FAIL "uploaded, but what the server gives back differs:$differ"
        return
    fi
    check_snapshot || return 0
    verdict publish "$gun" PASS "uploaded and read back byte for byte:$uploaded"
}

check_files
while IFS=$tab read -r gun _ _ _ <&3; do
    [ -z "$only" ] || [ "$only" = "$gun" ] || continue
    publish
    if [ -n "$failed" ]; then
        echo "stopped there; nothing after it was touched" >&2
        exit 1
    fi
done 3<"$here/REPOSITORIES"
