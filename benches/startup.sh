#!/usr/bin/env bash
# Prints how long the program takes to say --help and to verify a small repository: wall time of one run, the median of 21.
# Build first: cargo build --release
set -euo pipefail
cd "$(dirname "$0")/.."
program=target/release/anchorite
[ -x "$program" ] || { echo "build first: cargo build --release" >&2; exit 2; }

median() { # name, command...
    local name=$1 times=() start end
    shift
    for _ in $(seq 21); do
        start=$(date +%s%N)
        "$@" >/dev/null 2>&1 || true
        end=$(date +%s%N)
        times+=($(((end - start) / 1000)))
    done
    printf '%-28s %6d us\n' "$name" "$(printf '%s\n' "${times[@]}" | sort -n | sed -n 11p)"
}

median 'a process that does nothing' /bin/true
median '--help' "$program" --help
median 'plan check' "$program" plan check ceremonies/first-root-tuf1/plan.toml
median 'show a root' "$program" show tests/data/notary-v1/meta/1.root.json
