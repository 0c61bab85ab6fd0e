#!/usr/bin/env bash
# build.sh [PRESET [TARGET...]]: configure one preset of CMakePresets.json and build it, or some
# targets of it, into build/PRESET.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/common.sh

preset=${1:-release}
targets=("${@:2}")
case $preset in
release | debug | asan | tsan | package | package-arm64) scripts/deps.sh build ;;
fuzz | coverage) scripts/deps.sh build test ;;
afl) scripts/deps.sh build test afl ;;
*) die "there is no preset '$preset': release, debug, asan, tsan, fuzz, afl or coverage" ;;
esac
log=build/$preset.log
mkdir -p build
# Suites that begin side by side would configure the same folder at once.
exec 9>"build/$preset.lock"
flock 9
# A build says little while it goes well; what went wrong is shown whole.
[ -e "build/$preset/build.ninja" ] || say "dev: building $preset, which takes minutes the first time"
if ! { cmake --preset "$preset" &&
    cmake --build --preset "$preset" ${targets:+--target "${targets[@]}"}; } >"$log" 2>&1; then
    grep -vE '^\[[0-9]+/[0-9]+\] (Building|Linking)' "$log" | tail -n 60 >&2
    die "the $preset build failed (all of it: $log)"
fi
say "dev: built $preset${targets:+: ${targets[*]}}"
