# Talks to a Notary server. Sourced by precheck, publish and fetch; see README beside them.
# shellcheck shell=sh
# shellcheck disable=SC2034 # read by the scripts that source this file

here=$(cd "$(dirname "$0")" && pwd)
out=$(cd "$here/.." && pwd)
tab=$(printf '\t') failed='' base='' key=''
server='' cacert='' token_file='' netrc_file='' result=$out/RESULT

# own_usage and own_option are the sourcing script's: its own options, each with a value.
usage() {
    cat >&2 <<END
usage: $(basename "$0") --server https://HOST [OPTION VALUE]...
  --cacert FILE      trust this certificate authority instead of the system's
  --token-file FILE  send the bearer token in FILE
  --netrc-file FILE  when the server names a token service, ask it with the name and password in FILE
  --result FILE      append one line for each repository to FILE (now ${result:-RESULT in the new folder})
END
    own_usage >&2
    exit 2
}

stop() {
    echo "$(basename "$0"): $*" >&2
    exit 2
}

# A file that the user named: it must be readable.
readable() {
    [ -r "$2" ] || stop "$1: cannot read '$2'"
}

options() {
    while [ $# -gt 0 ]; do
        [ $# -ge 2 ] || usage
        case $1 in
        --server) server=${2%/} ;;
        --cacert) cacert=$2 && readable "$1" "$2" ;;
        --token-file) token_file=$2 && readable "$1" "$2" ;;
        --netrc-file) netrc_file=$2 && readable "$1" "$2" ;;
        --result) result=$2 ;;
        *) own_option "$1" "$2" || usage ;;
        esac
        shift 2
    done
    case $server in
    https://?*) ;;
    *) usage ;;
    esac
    for tool in curl sha256sum awk; do
        command -v "$tool" >/dev/null || stop "this script needs '$tool', which is not there"
    done
    umask 077
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    trap 'exit 2' HUP INT TERM
    : >"$work/auth"
    if [ -n "$token_file" ]; then
        printf 'Authorization: Bearer %s\n' "$(tr -d ' \t\r\n' <"$token_file")" >"$work/auth"
    fi
}

open_result() {
    { true >>"$result"; } 2>/dev/null || stop "cannot write the result file '$result'; name another with --result"
}

# request BODY-FILE URL [CURL-ARGUMENTS]: one request; $status becomes the HTTP status, or 000 when nothing answered.
# A server that wants a token gets one from the token service it names, once for each request.
request() {
    body=$1 url=$2
    shift 2
    send "$@"
    if [ "$status" = 401 ] && [ -z "$token_file" ] && ask_token; then
        send "$@"
    fi
}

send() {
    : >"$body"
    status=$(curl --silent --show-error --proto =https --connect-timeout 20 --max-time 300 ${cacert:+--cacert "$cacert"} \
        -H 'Cache-Control: no-cache' -H "@$work/auth" -D "$work/head" -o "$body" -w '%{http_code}' "$@" "$url" 2>"$work/error") || status=000
}

# Secrets travel in files, never as arguments: netrc for the password, a header file for the token.
ask_token() {
    challenge=$(tr -d '\r' <"$work/head" | sed -n 's/^[Ww][Ww][Ww]-[Aa]uthenticate: *[Bb]earer *//p' | head -n 1)
    realm=$(parameter realm) service=$(parameter service) scope=$(parameter scope)
    case $realm in
    https://?*) ;;
    *) return 1 ;;
    esac
    set -- --data-urlencode "service=$service"
    [ -z "$scope" ] || set -- "$@" --data-urlencode "scope=$scope"
    [ -z "$netrc_file" ] || set -- "$@" --netrc-file "$netrc_file"
    curl --silent --show-error --fail --proto =https --connect-timeout 20 --max-time 60 ${cacert:+--cacert "$cacert"} \
        --get "$@" -o "$work/token" "$realm" 2>"$work/error" || return 1
    token=$(tr -d '\r\n' <"$work/token" | sed -n 's/.*"\(access_\)\{0,1\}token" *: *"\([^"]*\)".*/\2/p')
    [ -n "$token" ] || return 1
    printf 'Authorization: Bearer %s\n' "$token" >"$work/auth"
}

# parameter NAME: the value of NAME="..." in the server's challenge.
parameter() {
    printf ',%s\n' "$challenge" | sed -n 's/.*[, ]'"$1"'="\([^"]*\)".*/\1/p'
}

# What the server, or curl, said about the last request, on one line and without control characters.
said() {
    if [ "$status" = 000 ]; then
        tr -s '\r\n\t' ' ' <"$work/error" | tr -cd '[:print:]' | cut -c1-400
    else
        printf 'HTTP %s ' "$status"
        tr -s '\r\n\t' ' ' <"$body" | tr -cd '[:print:]' | cut -c1-400
    fi
}

# The server says that it has no such document; any other 404 comes from something that is no Notary server.
absent() {
    [ "$status" = 404 ] && grep -q METADATA_NOT_FOUND "$body"
}

# server_key ROLE: asks the server for its public key of that role; $key becomes its base64 form, or nothing.
server_key() {
    request "$work/key" "$base/$1.key"
    key=''
    [ "$status" != 200 ] || key=$(tr -d '\r\n' <"$work/key" | sed -n 's/.*"public" *: *"\([^"]*\)".*/\1/p')
}

sha256() {
    sha256sum <"$1" | cut -c1-64
}

# verdict STEP GUN PASS|WARN|FAIL DETAIL: one line on the screen and in the result file.
verdict() {
    printf '%s\t%s\t%s\t%s\t%s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$2" "$1" "$3" "$4" >>"$result"
    printf '%s %s: %s\n' "$3" "$2" "$4"
    [ "$3" != FAIL ] || failed=yes
}
