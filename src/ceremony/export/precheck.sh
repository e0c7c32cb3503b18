#!/bin/sh
# Before publishing: is the server still as it was when the ceremony began? A new repository's name must be free; a
# changed one must have the very documents that the ceremony began from; and the server must hold the keys that the
# root names. Uploads nothing. Options: run it without any.
set -eu
# shellcheck source-path=SCRIPTDIR source=server.sh
. "$(dirname "$0")/server.sh"
# shellcheck source-path=SCRIPTDIR source=tables.sh
. "$(dirname "$0")/tables.sh"

own_usage() {
    choose_options
}

own_option() {
    case $1 in
    --only) only=$2 ;;
    *) return 1 ;;
    esac
}

# check_key ROLE EXPECTED BEFORE: returns 1 after a FAIL; adds to $doubts what cannot be told.
# A server without a key database makes a new key at every question until a root names one. A server that was asked for
# another key answers the one BEFORE until it has the root that names the other.
check_key() {
    [ "$2" != - ] || return 0
    server_key "$1"
    [ -n "$key" ] || { verdict precheck "$gun" FAIL "the server gives no $1 key: $(said)" && return 1; }
    [ "$key" != "$2" ] || return 0
    if [ "$key" = "$3" ]; then
        replaced="$replaced $1"
        return 0
    fi
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
    look precheck "$gun" || return 0
    doubts='' replaced=''
    check_key timestamp "$timestamp" "$timestamp_before" || return 0
    check_key snapshot "$snapshot" "$snapshot_before" || return 0
    state="the name is free"
    [ ! -s "$work/before" ] || state="the server is as at the ceremony's start"
    if [ -z "$differ" ]; then
        verdict precheck "$gun" PASS "everything that was signed is already published"
    elif [ -n "$live" ]; then
        verdict precheck "$gun" WARN "half of it is already published ($live ); publish adds the rest:$differ"
    elif [ -n "$doubts" ]; then
        verdict precheck "$gun" WARN "$state; the server makes a new key at every question until it has a root that names one, so these could not be compared:$doubts"
    elif [ -n "$replaced" ]; then
        verdict precheck "$gun" WARN "$state; it answers its old key until it has the root that names the new one, so these could not be compared:$replaced"
    elif [ -n "$beside" ]; then
        verdict precheck "$gun" WARN "what is replaced is as at the ceremony's start; others changed meanwhile what is not replaced:$beside"
    else
        verdict precheck "$gun" PASS "$state, and the server holds the keys that the root names"
    fi
}

options "$@"
open_tables
while IFS=$tab read -r gun _ timestamp snapshot _ timestamp_before snapshot_before <&3; do
    choose "$gun" || continue
    check
done 3<"$work/REPOSITORIES"
[ -z "$failed" ]
