#!/usr/bin/env bash
# fmt.sh: let clang-format decide the layout of every C and C++ file in the tree.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/deps.sh format
git ls-files -z '*.c' '*.h' '*.cc' | xargs -0 clang-format-16 -i
