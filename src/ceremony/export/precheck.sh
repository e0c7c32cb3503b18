#!/bin/sh
# Before publishing: is each repository's name still free, and does the server still hold the keys that the root names?
# Uploads nothing. Options: run it without any.
set -eu
# shellcheck source-path=SCRIPTDIR source=server.sh
. "$(dirname "$0")/server.sh"
options "$@"

# server_key ROLE: asks the server for its public key of that role; $key becomes its base64 form, or nothing.
server_key() {
    request "$work/key" "$base/$1.key"
    key=''
    [ "$status" != 200 ] || key=$(tr -d '\r\n' <"$work/key" | sed -n 's/.*"public" *: *"\([^"]*\)".*/\1/p')
}

# check_key ROLE EXPECTED: returns 1 after a FAIL; adds to $doubts what cannot be told.
# A server without a key database makes a new key at every question until the first root is stored.
check_key() {
    [ "$2" != - ] || return 0
    server_key "$1"
    [ -n "$key" ] || { verdict precheck "$gun" FAIL "the server gives no $1 key: $(said)" && return 1; }
    [ "$key" != "$2" ] || return 0
    other=$key
    server_key "$1"
    [ "$key" != "$2" ] || return 0
    if [ "$key" = "$other" ]; then
        verdict precheck "$gun" FAIL "the server's $1 key is not the one that the root names: it answers $key"
        return 1
    fi
    doubts="$doubts $1"
}

check() {
    base=$server/v2/$gun/_trust/tuf
    request "$work/root" "$base/root.json"
    case $status in
    200)
        if cmp -s "$work/root" "$out/$dir/root.json"; then
            verdict precheck "$gun" PASS "this root is already published"
        else
            verdict precheck "$gun" FAIL "the name is taken: the server has another root, sha256 $(sha256sum <"$work/root" | cut -c1-64)"
        fi
        return
        ;;
    404)
        if ! grep -q METADATA_NOT_FOUND "$work/root"; then
            verdict precheck "$gun" FAIL "no Notary server answers there: $(said)"
            return
        fi
        ;;
    *)
        verdict precheck "$gun" FAIL "the server does not say whether the name is free: $(said)"
        return
        ;;
    esac
    doubts=''
    check_key timestamp "$timestamp" || return 0
    check_key snapshot "$snapshot" || return 0
    if [ -n "$doubts" ]; then
        verdict precheck "$gun" WARN "the name is free; the server makes a new key at every question until a root is stored, so these could not be compared:$doubts"
    else
        verdict precheck "$gun" PASS "the name is free and the server holds the keys that the root names"
    fi
}

while IFS=$tab read -r gun dir timestamp snapshot <&3; do
    [ -z "$only" ] || [ "$only" = "$gun" ] || continue
    check
done 3<"$here/REPOSITORIES"
[ -z "$failed" ]
