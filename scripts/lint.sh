#!/usr/bin/env bash
# lint.sh: formatting, clang-tidy over every file of ours, shellcheck over every script.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit
source scripts/common.sh

scripts/deps.sh build lint || exit 1
scripts/build.sh debug || exit 1
passed=0 failed=0
check() {
    if "${@:2}"; then passed=$((passed + 1)); else
        failed=$((failed + 1))
        say "lint: $1 has findings"
    fi
}
mapfile -t sources < <(git ls-files '*.c' '*.h' '*.cc')
mapfile -t units < <(git ls-files 'src/*.c' 'src/*.cc')
mapfile -t shell < <(git grep -lE '^#!/(usr/)?bin/(env )?(ba)?sh')
check format clang-format-16 --dry-run -Werror "${sources[@]}"
check tidy xargs -a <(printf '%s\n' "${units[@]}") -P "$(nproc)" -n 8 \
    clang-tidy-16 --quiet -p build/debug
check shell shellcheck -x "${shell[@]}"
closing "$passed" "$failed" 0
[ "$failed" -eq 0 ]
