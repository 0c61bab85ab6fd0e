#!/usr/bin/env bash
# tidy.sh [PATH...]: clang-tidy over every file of ours that build/debug builds, or over those below a
# PATH (src/net), saying how far it is.
#
# A file that was clean is not read again until it changes, or .clang-tidy, or something it includes:
# build/debug/tidy has the time of that, `ninja -t deps` what is included. One file per process: the
# checker of va_list remembers the first file and finds fault with the next.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit
source scripts/common.sh
readonly BUILD=build/debug STAMPS=build/debug/tidy

# left_out FILE: the checks that are not for it. Tests multiply constants (7 * RIG_SECOND_US), read numbers
# that they wrote and follow pointers that are there if nothing is wrong: if it is, they fail, with the
# sanitizers on. (The analyzer's core cannot be left out check by check.)
left_out() {
    case $1 in
    tests/* | *_test.c | */testing/*)
        printf ',-%s' bugprone-implicit-widening-of-multiplication-result cert-err34-c 'clang-analyzer-*'
        ;;
    esac
}

# tidy_one PLACE FILE
tidy_one() {
    say "tidy $1 $2"
    mkdir -p "$STAMPS/$(dirname "$2")"
    touch "$STAMPS/$2.begun"
    clang-tidy-16 --quiet --checks="$(left_out "$2")" -p "$BUILD" "$2" 2>/dev/null || return
    mv "$STAMPS/$2.begun" "$STAMPS/$2"
}

# "FILE WHAT-IT-INCLUDES..." a line, from the tree's root.
included() {
    ninja -C "$BUILD" -t deps | awk -v root="$PWD/" '
        function flush() { if (row != "") print row; row = "" }
        /^[^ ]/ { flush() }
        /^ / {
            path = $1
            if (index(path, root) == 1) path = substr(path, length(root) + 1)
            else if (sub(/^(\.\.\/)+/, "", path) == 0 && path !~ /^\//) path = "build/debug/" path
            row = row (row == "" ? "" : " ") path
        }
        END { flush() }'
}

# is_clean FILE...: the first one was clean when none of them was newer than that.
is_clean() {
    local path stamp=$STAMPS/$1
    [ -f "$stamp" ] && [ ! .clang-tidy -nt "$stamp" ] || return
    for path in "$@"; do
        [ ! "$path" -nt "$stamp" ] || return
    done
}

declare -A stale=()
known=0
while read -r -a paths; do
    known=$((known + 1))
    is_clean "${paths[@]}" || stale[${paths[0]}]=yes
done < <(included)
[ "$known" -gt 0 ] || die "ninja does not know what $BUILD was built of: remove it and build again"
files=()
while read -r file; do
    [ -z "${stale[$file]:-}" ] || files+=("$file")
done < <(git ls-files '*.c' '*.cc' | { if [ $# -gt 0 ]; then grep -E "^($(IFS='|' && echo "$*"))"; else cat; fi; })

export -f tidy_one left_out say
export BUILD STAMPS
for n in "${!files[@]}"; do
    echo "$((n + 1))/${#files[@]} ${files[$n]}"
done | xargs -r -P "$(nproc)" -L 1 bash -c 'tidy_one "$@"' tidy
