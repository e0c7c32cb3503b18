# Reads the tables of an export, and compares a server with them. Sourced by precheck and publish after server.sh.
# shellcheck shell=sh
# shellcheck disable=SC2154,SC2034 # set by server.sh; read by the scripts that source this file

only=''

choose_options() {
    cat <<END
  --only GUN         this repository alone
END
}

# table NAME: takes the table as $work/NAME. The export of a fleet has it in parts.
table() {
    if [ -r "$here/$1" ]; then
        cp "$here/$1" "$work/$1"
    else
        cat "$here"/part-*/"$1" >"$work/$1" 2>/dev/null || stop "the table $1 is missing beside this script"
    fi
}

open_tables() {
    for table in REPOSITORIES UPLOADS BEFORE; do
        table "$table"
    done
    if [ -n "$only" ] && ! cut -f1 "$work/REPOSITORIES" | grep -Fqx -e "$only"; then
        stop "--only: '$only' is not in REPOSITORIES"
    fi
    open_result
}

# choose GUN DIR: whether this repository is wanted; then its lines of the tables are in $work.
choose() {
    [ -z "$only" ] || [ "$only" = "$1" ] || return 1
    base=$server/v2/$1/_trust/tuf
    awk -F '\t' -v gun="$1" '$1 == gun' "$work/UPLOADS" >"$work/uploads"
    awk -F '\t' -v gun="$1" '$1 == gun' "$work/BEFORE" >"$work/before"
    signed=$(awk -F '\t' '{ printf " %s=%s", $2, $4 }' "$work/uploads")
}

# began ROLE: the SHA-256 of the document that the ceremony began from; nothing where there was none.
began() {
    awk -F '\t' -v role="$1" '$2 == role { print $3; exit }' "$work/before"
}

# look STEP GUN: asks the server for every document of this repository that the ceremony began from or signed.
# $live becomes the roles that are as signed; $differ those that are as at the start, and so are to be uploaded;
# $beside those that others changed meanwhile and that are not uploaded. Returns 1 after a FAIL.
look() {
    live='' differ='' beside=''
    while IFS=$tab read -r _ role _ want _ <&4; do
        start=$(began "$role")
        request "$work/document" "$base/$role.json"
        if [ "$status" = 200 ]; then
            has=$(sha256 "$work/document")
            if [ "$has" = "$want" ]; then
                live="$live $role"
            elif [ "$has" = "$start" ]; then
                differ="$differ $role"
            elif [ ! -s "$work/before" ]; then
                verdict "$1" "$2" FAIL "the name is taken: the server has another $role, sha256 $has"
                return 1
            else
                verdict "$1" "$2" FAIL "the server changed since the ceremony began: its $role has sha256 $has, which is neither the one to replace (${start:-none}) nor the signed one"
                return 1
            fi
        elif ! absent; then
            verdict "$1" "$2" FAIL "the server does not say what it has for $role: $(said)"
            return 1
        elif [ -n "$start" ]; then
            verdict "$1" "$2" FAIL "the server changed since the ceremony began: it has no $role any more"
            return 1
        else
            differ="$differ $role"
        fi
    done 4<"$work/uploads"
    while IFS=$tab read -r _ role start <&4; do
        cut -f2 "$work/uploads" | grep -Fqx -e "$role" && continue
        request "$work/document" "$base/$role.json"
        if [ "$status" != 200 ] || [ "$(sha256 "$work/document")" != "$start" ]; then
            beside="$beside $role"
        fi
    done 4<"$work/before"
    # A snapshot that was signed here names every document, also those that are not uploaded.
    if [ -n "$beside" ] && cut -f2 "$work/uploads" | grep -qx snapshot; then
        verdict "$1" "$2" FAIL "the server changed since the ceremony began, and the signed snapshot does not fit any more:$beside"
        return 1
    fi
}
