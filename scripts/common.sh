# shellcheck shell=bash
# common.sh - what every script of ours needs; sourced with the tree's root as current folder.

say() { printf '%s\n' "$*" >&2; }
die() {
    say "dev: $*"
    exit 1
}

# thrice COMMAND...: for what a registry or a mirror may refuse once.
thrice() {
    local try
    for try in 1 2 3; do
        [ "$try" = 1 ] || sleep $((try * 2))
        if "$@"; then return; fi
    done
    return 1
}

# A suite is a folder under tests/ with a program `run`, whose second line says what it is in one
# sentence. It installs and builds what it needs, and closes with "N passed, N failed".
suites() {
    local runner
    for runner in tests/*/run; do
        [ ! -x "$runner" ] || suite_name "$(basename "$(dirname "$runner")")"
    done
}

# The folder of faults is reached as `./dev chaos`; every other suite is named as its folder.
suite_name() { case $1 in fault) echo chaos ;; *) echo "$1" ;; esac }

suite_runner() {
    local folder=$1
    [ "$folder" != chaos ] || folder=fault
    [ -x "tests/$folder/run" ] && echo "tests/$folder/run"
}

# tally FILE: "passed failed skipped" of the last closing line in FILE.
tally() {
    sed -nE 's/^([0-9]+) passed, ([0-9]+) failed(, ([0-9]+) skipped)?$/\1 \2 \4/p' "$1" |
        tail -n 1 | awk '{ print $1, $2, $3 + 0 }'
}

# closing PASSED FAILED SKIPPED: the line that tally reads.
closing() {
    printf '%d passed, %d failed' "$1" "$2"
    [ "$3" -eq 0 ] || printf ', %d skipped' "$3"
    printf '\n'
}

# Compiled objects are kept between builds where ccache is at hand.
[ ! -d /usr/lib/ccache ] || export PATH=/usr/lib/ccache:$PATH
