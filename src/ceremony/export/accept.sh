#!/bin/sh
# What does a client that has never seen these repositories make of them? Runs the notary and docker clients that are
# there with an empty trust directory, and compares every tag, digest and length, and the root, with what was signed.
# Options: run it without any.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=$(cd "$here/.." && pwd)
tab=$(printf '\t')
server='' cacert='' clients='' result=$out/RESULT only='' list=''

usage() {
    cat >&2 <<END
usage: accept --server https://HOST [--cacert FILE] [--client notary|docker] [--only GUN | --list FILE] [--result FILE]
  --cacert FILE    trust this certificate authority for HOST
  --client NAME    use this client alone; without it, each of notary and docker that is there
  --only GUN       this repository alone
  --list FILE      the repositories in FILE, one a line
  --result FILE    append one line for each repository and client to FILE (now $result)
For a server that wants credentials: notary reads NOTARY_AUTH (base64 of name:password), docker its own login.
END
    exit 2
}

stop() {
    echo "accept: $*" >&2
    exit 2
}

while [ $# -gt 0 ]; do
    [ $# -ge 2 ] || usage
    case $1 in
    --server) server=${2%/} ;;
    --cacert) cacert=$2 ;;
    --client) clients=$2 ;;
    --only) only=$2 ;;
    --list) list=$2 ;;
    --result) result=$2 ;;
    *) usage ;;
    esac
    shift 2
done
case $server in
https://?*) ;;
*) usage ;;
esac
[ -z "$cacert" ] || [ -r "$cacert" ] || stop "--cacert: cannot read '$cacert'"
if [ -z "$clients" ]; then
    for client in notary docker; do
        ! command -v "$client" >/dev/null || clients="$clients $client"
    done
    [ -n "$clients" ] || stop "neither the notary client nor docker is there; one of them is needed"
fi
[ -z "$list" ] || [ -r "$list" ] || stop "--list: cannot read '$list'"
{ true >>"$result"; } 2>/dev/null || stop "cannot write the result file '$result'; name another with --result"
umask 077
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 2' HUP INT TERM
failed=''
# The export of a fleet has its tables in parts.
if [ -r "$here/EXPECTED" ]; then
    cp "$here/EXPECTED" "$out/publish/REPOSITORIES" "$work"
else
    for table in EXPECTED REPOSITORIES; do
        cat "$out/publish"/part-*/"$table" >"$work/$table" 2>/dev/null || stop "the table $table is missing beside this script"
    done
fi

verdict() {
    printf '%s\t%s\taccept with %s\t%s\t%s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$gun" "$client" "$1" "$2" >>"$result"
    printf '%s %s, by %s: %s\n' "$1" "$gun" "$client" "$2"
    [ "$1" != FAIL ] || failed=yes
}

# Each writes what the client shows, as lines "tag digest length role", to $work/seen; docker shows no length and no role.
run_notary() {
    notary -s "$server" ${cacert:+--tlscacert "$cacert"} -d "$work/trust" list "$gun" >"$work/shown" 2>"$work/error" </dev/null || return 1
    sed -n "s/^\(.*[^ ]\) *\([0-9a-f]\{64\}\)  *\([0-9]*\)  *\([^ ]*\) *\$/\1$tab\2$tab\3$tab\4/p" "$work/shown" >"$work/seen"
}

run_docker() {
    config=${DOCKER_CONFIG:-${HOME:-/nonexistent}/.docker}
    [ ! -r "$config/config.json" ] || cp "$config/config.json" "$work/config.json"
    if [ -n "$cacert" ]; then
        mkdir -p "$work/tls/${server#https://}"
        cp "$cacert" "$work/tls/${server#https://}/ca.crt"
    fi
    DOCKER_CONFIG=$work DOCKER_CONTENT_TRUST_SERVER=$server docker trust inspect "$gun" >"$work/shown" 2>"$work/error" </dev/null || return 1
    sed -n -e 's/^ *"\(SignedTag\)": "\(.*\)",*$/\1 \2/p' -e 's/^ *"\(Digest\)": "\(.*\)",*$/\1 \2/p' "$work/shown" |
        awk '$1 == "SignedTag" { tag = $2 } $1 == "Digest" { print tag "\t" $2 "\t-\t-" }' >"$work/seen"
}

# What each should show, as such lines. Of a tag that several roles sign, notary shows the first in the walk from targets
# downwards; docker shows those of targets and targets/releases.
expected_notary() {
    awk -F '\t' -v gun="$gun" '$1 == gun && $2 != "-" && !seen[$2]++ { print $2 "\t" $3 "\t" $4 "\t" $5 }' "$work/EXPECTED"
}

expected_docker() {
    awk -F '\t' -v gun="$gun" '$1 == gun && ($5 == "targets" || $5 == "targets/releases") { print $2 "\t" $3 "\t-\t-" }' "$work/EXPECTED"
}

accept() {
    rm -rf "$work/trust" "$work/tls" "$work/config.json"
    : >"$work/error" && : >"$work/shown"
    if ! "run_$client"; then
        verdict FAIL "the client refuses it: $(cat "$work/error" "$work/shown" | tr -s '\r\n\t' ' ' | tr -cd '[:print:]' | cut -c1-400)"
        return
    fi
    "expected_$client" | sort -u >"$work/expected"
    sort -u "$work/seen" >"$work/sorted"
    if ! cmp -s "$work/expected" "$work/sorted"; then
        diff "$work/expected" "$work/sorted" | sed -n 's/^< /  signed: /p; s/^> /  shown:  /p' >&2
        verdict FAIL "the client shows other tags than were signed"
        return
    fi
    root=$(awk -F '\t' -v gun="$gun" '$1 == gun { print $5; exit }' "$work/REPOSITORIES")
    if [ "$(sha256sum <"$work/trust/tuf/$gun/metadata/root.json" | cut -c1-64)" != "$root" ]; then
        verdict FAIL "the client took another root than the signed one, whose sha256 is $root"
        return
    fi
    verdict PASS "$(wc -l <"$work/sorted" | tr -d ' ') tags shown as signed, and the root is ours"
}

for client in $clients; do
    case $client in
    notary | docker) command -v "$client" >/dev/null || stop "--client: '$client' is not there" ;;
    *) usage ;;
    esac
    cut -f1 "$work/EXPECTED" | awk '!seen[$0]++' >"$work/guns"
    while IFS=$tab read -r gun <&3; do
        [ -z "$only" ] || [ "$only" = "$gun" ] || continue
        [ -z "$list" ] || grep -Fqx -e "$gun" "$list" || continue
        accept
    done 3<"$work/guns"
done
[ -z "$failed" ]
