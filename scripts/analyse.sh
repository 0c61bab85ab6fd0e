#!/usr/bin/env bash
# analyse.sh [PATH...]: cppcheck and gcc's analyzer over the product's C files (src and cli without their
# tests), or over those below a PATH. Wants build/debug. What a finding of theirs is taken for and why
# stands here and in cppcheck.txt, nowhere else.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit
source scripts/common.sh
readonly BUILD=build/debug
export BUILD

# Optimised code is not analysed: what is handed over by value then counts as never set.
analyzer=(-O0 -fanalyzer -fdiagnostics-path-format=none)

# FILE OPTION: findings that are wrong.
known() {
    cat <<'TEXT'
src/front/amqp/device_c2d.c -Wno-analyzer-use-after-free
TEXT
    # It does not see that a member which leaves a ring is no longer behind the ring's head.
}

# "FILE<tab>COMMAND" of each file, as build/debug compiles it, but analysing.
commands() {
    python3 - "$BUILD/compile_commands.json" <<'PY'
import json, os, shlex, sys
for entry in json.load(open(sys.argv[1], encoding="utf-8")):
    words = shlex.split(entry["command"])
    at = words.index("-o")
    print(os.path.relpath(entry["file"]), shlex.join(words[:at] + words[at + 2:]), sep="\t")
PY
}

# analyse_one FILE COMMAND: through ccache, which remembers what was clean.
# shellcheck disable=SC2317 # xargs calls it
analyse_one() {
    local object=$PWD/$BUILD/analyzer/$1.o
    mkdir -p "$(dirname "$object")"
    (cd "$BUILD" && eval "$2 -o '$object'")
}

gcc_analyzer() {
    local file command option
    declare -A command_of=() off=()
    while IFS=$'\t' read -r file command; do command_of[$file]=$command; done < <(commands)
    while read -r file option; do off[$file]=$option; done < <(known)
    for file in "${files[@]}"; do
        [ -z "${command_of[$file]:-}" ] ||
            printf '%s\0%s\0' "$file" "${command_of[$file]} ${analyzer[*]} ${off[$file]:-}"
    done | xargs -0 -r -n 2 -P "$(nproc)" bash -c 'analyse_one "$@"' analyse
}

cppcheck_all() {
    mkdir -p "$BUILD/cppcheck"
    cppcheck --quiet --enable=warning,portability,performance --std=c11 -j "$(nproc)" --error-exitcode=1 \
        --cppcheck-build-dir="$BUILD/cppcheck" --suppressions-list=scripts/cppcheck.txt \
        --template='{file}:{line}: {severity} {id}: {message}' -D_GNU_SOURCE -I . -I src -I "$BUILD/sql" "${files[@]}"
}

mapfile -t files < <(git ls-files 'src/*.c' 'cli/*.c' | grep -vE '_test\.c$|/(testing/|testkit)' |
    { if [ $# -gt 0 ]; then grep -E "^($(IFS='|' && echo "$*"))"; else cat; fi; })
[ "${#files[@]}" -gt 0 ] || die "no C file of the product lies there"
export -f analyse_one
status=0
cppcheck_all || status=1
gcc_analyzer || status=1
exit "$status"
