#!/bin/sh
# Uploads each repository's documents in one request, reads them back and compares. The first repository is the canary:
# a client must accept it before the others follow in waves, and each wave before the next. The first failure ends the
# run. Run it again after an interruption: what is already live is left alone. HTTP 200 is not yet success: run accept
# afterwards. Options: run it without any.
set -eu
# shellcheck source-path=SCRIPTDIR source=server.sh
. "$(dirname "$0")/server.sh"
# shellcheck source-path=SCRIPTDIR source=tables.sh
. "$(dirname "$0")/tables.sh"
wave=50 accept=yes

own_usage() {
    choose_options
    cat <<END
  --wave N           so many repositories between two acceptances (now $wave)
  --accept yes|no    whether a client here must accept the canary and each wave before the next (now $accept)
END
}

own_option() {
    case $1=$2 in
    --only=*) only=$2 ;;
    --wave=*[!0-9]* | --wave= | --wave=0*) return 1 ;;
    --wave=*) wave=$2 ;;
    --accept=yes | --accept=no) accept=$2 ;;
    *) return 1 ;;
    esac
}

# Nothing leaves before every file is what the ceremony wrote.
check_files() {
    cut -f3,4 "$work/UPLOADS" | awk -F '\t' '{ print $2 "  " $1 }' >"$work/sums"
    (cd "$out" && sha256sum --quiet -c "$work/sums") >&2 || stop "these files are not what the ceremony wrote; nothing was uploaded"
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

# All that the server lacks, in one request: it takes all of them or none.
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
    uploaded=''
    look publish "$gun" || return 0
    if [ -n "$differ" ]; then
        uploaded=$differ
        upload || return 0
        look publish "$gun" || return 0
        if [ -n "$differ" ]; then
            verdict publish "$gun" FAIL "the server answered 200 and has not taken:$differ"
            return
        fi
    fi
    check_snapshot || return 0
    if [ -n "$uploaded" ]; then
        verdict publish "$gun" PASS "uploaded in one request and read back byte for byte:$signed"
    else
        verdict publish "$gun" PASS "already live, byte for byte; nothing was uploaded:$signed"
    fi
}

# Repositories that every client accepted when it was last asked.
accepted_before() {
    awk -F '\t' '$3 ~ /^accept/ { last[$2 FS $3] = $4; guns[$2] }
        END {
            for (asked in last) if (last[asked] != "PASS") { split(asked, part, FS); delete guns[part[1]] }
            for (gun in guns) print gun
        }' "$result" >"$work/accepted"
}

# What went up since the last acceptance must be accepted before anything follows.
accept_wave() {
    waiting=0
    [ "$accept" = yes ] || return 0
    set -- --server "$server" --list "$work/wave" --result "$result"
    [ -z "$cacert" ] || set -- "$@" --cacert "$cacert"
    if sh "$out/accept/accept" "$@"; then
        : >"$work/wave"
        return
    fi
    echo "stopped: no client accepts what was uploaded last; nothing after it was touched" >&2
    echo "where no client is at hand: run accept on a machine that has one, then publish with --accept no" >&2
    exit 1
}

options "$@"
open_tables
check_files
accepted_before
: >"$work/wave"
waiting=0 size=1
while IFS=$tab read -r gun _ <&3; do
    choose "$gun" || continue
    if [ "$waiting" -ge "$size" ]; then
        accept_wave
        size=$wave
    fi
    publish
    if [ -n "$failed" ]; then
        echo "stopped there; nothing after it was touched" >&2
        exit 1
    fi
    if [ -n "$uploaded" ] || ! grep -Fqx -e "$gun" "$work/accepted"; then
        printf '%s\n' "$gun" >>"$work/wave"
        waiting=$((waiting + 1))
    fi
done 3<"$work/REPOSITORIES"
