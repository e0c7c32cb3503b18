#!/bin/sh
# Before a ceremony: takes from a Notary server what the ceremony begins from, namely the current root, targets,
# delegations and snapshot of each repository and the server's public keys, into a new folder. Beside them it writes
# INPUTS, which can be pasted into a plan, and SHA256SUMS. Nothing of it is believed before the ceremony verified it.
# Options: run it without any.
set -eu
# shellcheck source-path=SCRIPTDIR source=server.sh
. "$(dirname "$0")/server.sh"
into='' gun_option='' list='' history=no result=''

own_usage() {
    cat <<END
  --into DIR         the new folder
  --gun GUN          this repository
  --list FILE        the repositories in FILE, one a line, up to the first tab
  --history yes|no   also every earlier root and targets document (now $history)
END
}

own_option() {
    case $1=$2 in
    --into=?*) into=$2 ;;
    --gun=?*) gun_option=$2 ;;
    --list=*) list=$2 && readable "$1" "$2" ;;
    --history=yes | --history=no) history=$2 ;;
    *) return 1 ;;
    esac
}

# Hex to base64, to find a digest in a snapshot.
base64_of() {
    printf '%s\n' "$1" | awk '{
        digits = "0123456789abcdef"
        letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        for (i = 1; i <= length($0); i += 6) {
            value = 0
            group = substr($0 "0000", i, 6)
            for (j = 1; j <= 6; j++) value = value * 16 + index(digits, substr(group, j, 1)) - 1
            for (j = 3; j >= 0; j--) { part = int(value / 64 ^ j) % 64; text = text substr(letters, part + 1, 1) }
        }
        print substr(text, 1, 43) "="
    }'
}

# keep FILE: takes the last answer as $dir/FILE and writes it into the lists.
keep() {
    path=$dir/$1
    mkdir -p "$into/$(dirname "$path")"
    cp "$body" "$into/$path"
    digest=$(sha256 "$into/$path")
    printf '%s  %s\n' "$digest" "$path" >>"$into/SHA256SUMS"
    cat >>"$into/INPUTS" <<END
[[inputs]]
medium       = "IN"
path         = "$path"
sha256       = "$digest"
confirmed_by = "" # who compared this digest, from a source of their own
source       = "" # which source

END
    files=$((files + 1))
}

# key_id: the id under which a root lists the server's key that was asked for last: SHA-256 of its canonical form.
key_id() {
    type=$(tr -d '\r\n' <"$work/key" | sed -n 's/.*"keytype" *: *"\([^"]*\)".*/\1/p')
    printf '{"keytype":"%s","keyval":{"private":null,"public":"%s"}}' "$type" "$key" | sha256sum | cut -c1-64
}

# The roles that the snapshot names, one a line; names that could leave the folder are not among them.
roles() {
    tr -d '\r\n' <"$work/snapshot" | tr '{' '\n' | sed -n 's/.*"\([^"]*\)" *: *$/\1/p' |
        grep -E '^(root|targets(/[a-z0-9_-]+)*)$' | awk '!seen[$0]++'
}

version() {
    tr -d '\r\n' <"$body" | sed -n 's/.*"version" *: *\([0-9]\{1,6\}\)[^0-9].*/\1/p'
}

# earlier ROLE VERSION: the documents of that role before this version. A version that was never published is left out.
earlier() {
    number=1
    while [ "$number" -lt "${2:-1}" ]; do
        request "$work/document" "$base/$number.$1.json"
        [ "$status" != 200 ] || keep "$number.$1.json"
        number=$((number + 1))
    done
}

fetch_documents() {
    cp "$body" "$work/snapshot"
    keep snapshot.json
    for role in $(roles); do
        request "$work/document" "$base/$role.json"
        if [ "$status" != 200 ]; then
            verdict fetch "$gun" FAIL "the server does not give $role, which its snapshot names: $(said)"
            return 1
        fi
        if ! grep -Fq "\"$(base64_of "$(sha256 "$work/document")")\"" "$work/snapshot"; then
            verdict fetch "$gun" FAIL "the server's $role is not the one that its snapshot names; it changed while it was read: fetch again into another folder"
            return 1
        fi
        keep "$role.json"
        case $history=$role in
        yes=root | yes=targets) earlier "$role" "$(version)" ;;
        esac
    done
}

fetch() {
    base=$server/v2/$gun/_trust/tuf files=0
    dir=$(printf '%s\n' "$gun" | tr : _)
    # A server that does not know its own key yet may give another one at the next question; any of them will do.
    for role in timestamp snapshot; do
        server_key "$role"
        [ -n "$key" ] || { verdict fetch "$gun" FAIL "the server gives no $role key: $(said)" && return 0; }
        keep "$role.key"
        printf '# id of that key: "%s"\n\n' "$(key_id)" >>"$into/INPUTS"
    done
    request "$work/document" "$base/snapshot.json"
    if absent; then
        verdict fetch "$gun" PASS "the name is free; the server's two keys were taken"
        return
    fi
    [ "$status" = 200 ] || { verdict fetch "$gun" FAIL "the server does not say what it has: $(said)" && return 0; }
    fetch_documents || return 0
    verdict fetch "$gun" PASS "$files files were taken, and the server's snapshot names every document among them"
}

options "$@"
if [ -z "$into" ] || [ -z "$gun_option$list" ]; then
    usage
fi
mkdir "$into" 2>/dev/null || stop "--into: '$into' cannot be made; it must be a new folder"
into=$(cd "$into" && pwd)
[ -n "$result" ] || result=$into/RESULT
open_result
{
    [ -z "$list" ] || cut -f1 "$list"
    [ -z "$gun_option" ] || printf '%s\n' "$gun_option"
} >"$work/guns"
while read -r gun <&3; do
    case $gun in
    '' | *..* | /* | *//* | *[!A-Za-z0-9./_:-]*) stop "'$gun' is not the name of a repository" ;;
    esac
    fetch
done 3<"$work/guns"
[ -z "$failed" ]
