#!/usr/bin/env bash
# lint.sh [--fast]: formatting, shellcheck over every script and, unless fast, clang-tidy over every
# file of ours that changed since it was clean, cppcheck and gcc's analyzer over the product's.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit
source scripts/common.sh

fast=
case ${1:-} in
'') ;;
--fast) fast=yes ;;
*) die "lint takes --fast or nothing, not '$1'" ;;
esac

passed=0 failed=0
check() {
    if "${@:2}"; then passed=$((passed + 1)); else
        failed=$((failed + 1))
        say "lint: $1 has findings"
    fi
}

scripts/deps.sh format || exit 1
mapfile -t sources < <(git ls-files '*.c' '*.h' '*.cc')
mapfile -t shell < <(git grep -lE '^#!/(usr/)?bin/(env )?(ba)?sh')
[ ${#sources[@]} -gt 0 ] || die "git lists no files here"
check format clang-format-16 --dry-run -Werror "${sources[@]}"
check shell shellcheck -x "${shell[@]}"
if [ -z "$fast" ]; then
    scripts/deps.sh build lint || exit 1
    scripts/build.sh debug || exit 1
    check analysis scripts/analyse.sh
    check tidy scripts/tidy.sh
fi
closing "$passed" "$failed" 0
[ "$failed" -eq 0 ]
