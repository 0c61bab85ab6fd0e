#!/usr/bin/env bash
# test.sh [--long]: what CI checks, stage by stage; the last line is the sum over all stages.
#
# A stage is one of ours below or a suite (tests/*/run). Its output goes to build/test/STAGE.log
# and is shown when it fails. A stage that fails without saying how often counts as one failure.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit
source scripts/common.sh

long=''
for argument in "$@"; do
    case $argument in
    --long) long=--long ;;
    *) die "test takes --long or nothing, not '$argument'" ;;
    esac
done

build_release() { scripts/build.sh release && closing 1 0 0; }
build_asan() { scripts/build.sh asan && closing 1 0 0; }
unit() { units asan unit; }
# The thread sanitizer wants a memory layout without randomness where the kernel spreads it wide.
no_random_layout=()
! setarch -R true 2>/dev/null || no_random_layout=(setarch -R)
tsan() { scripts/build.sh tsan threads && units tsan threads "${no_random_layout[@]}"; }

# units PRESET LABEL [WRAPPER...]: unit tests of one build; CTest's count becomes our closing line.
units() {
    local out=build/test/units-$1.txt status
    "${@:3}" ctest --preset "$1" -L "^$2\$" --no-tests=error 2>&1 | tee "$out"
    status=${PIPESTATUS[0]}
    awk '/tests failed out of/ { printf "%d passed, %d failed\n", $NF - $4, $4; exit }' "$out"
    return "$status"
}

# run NAME COMMAND...: a stage; its log and how it ended are kept.
run() {
    local name=$1 start=$SECONDS status
    shift
    rm -f "build/test/$name.ended"
    "$@" >"build/test/$name.log" 2>&1
    status=$?
    echo "$status $((SECONDS - start))" >"build/test/$name.ended"
}

# tell NAME: what became of a stage that was run, which counts.
passed=0 failed=0 skipped=0
tell() {
    local name=$1 log=build/test/$1.log status=1 seconds=0 counts p f s
    read -r status seconds <"build/test/$name.ended"
    counts=$(tally "$log")
    read -r p f s <<<"${counts:-0 0 0}"
    [ "$status" -eq 0 ] || [ "$f" -gt 0 ] || f=1
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
    [ "$f" -eq 0 ] || sed 's/^/    /' "$log" | tail -n 200
    grep -hE '^(skipped|not ok)' "$log" | sed 's/^/    /'
    printf '%-14s %5d passed %4d failed %4d skipped  %4d s\n' "$name" "$p" "$f" "$s" "$seconds"
}

stage() {
    run "$@"
    tell "$1"
}

# suites_of ROW...: the suites of a row one after the other, the rows side by side, as each mostly
# waits for something else.
suites_of() {
    local row suite rows=()
    for row; do
        for suite in $row; do run "$suite" "$(suite_runner "$suite")" ${long:+"$long"}; done &
        rows+=($!)
    done
    wait "${rows[@]}"
    for row; do
        for suite in $row; do tell "$suite"; done
    done
}

mkdir -p build/test
# Everything at once, so that who may not install is given one line. A client of the conformance suite
# that cannot be had is skipped there; nothing else is.
if ! scripts/deps.sh build test format conformance node python java go; then
    scripts/deps.sh build test format conformance 2>/dev/null || exit 1
    say "dev: going on without them; clients that need them are skipped"
fi
stage release build_release
# What measures in a long run comes first, with nothing beside it.
if [ -n "$long" ]; then
    stage m5 tests/bench/run --long M5
    suites_of chaos
    stage lint scripts/lint.sh
else
    stage lint scripts/lint.sh --fast
fi
# These suites mostly wait for clients that wait; what they leave of the processors builds the rest.
nice -n 10 bash -c 'scripts/build.sh asan; scripts/build.sh tsan threads azimuth; scripts/build.sh fuzz fuzzers' \
    >build/test/ahead.log 2>&1 &
suites_of "cli console" "docs wrappers observe authorisation security transcripts"
suites_of conformance
wait
stage asan build_asan
stage unit unit
stage tsan tsan
# The server under a sanitizer: every day the groups that get round most of it, with --long all of them.
on_asan=("node device" "node methods" "node twins" "node http" "node upload" "node websocket"
    "node methods Amqp" "node twins Amqp" "node c2d Amqp" "node frames" "python event_hubs")
on_tsan=("node device" "node methods" "node twins" "node c2d" "node jobs" "node event_hubs" "node queries")
[ -z "$long" ] || on_asan=() on_tsan=()
stage server-asan env AZM_PRESET=asan tests/conformance/run --workers 3 "${on_asan[@]}"
stage server-tsan env AZM_PRESET=tsan "${no_random_layout[@]}" tests/conformance/run --workers 3 "${on_tsan[@]}"
suites_of interop
if [ -n "$long" ]; then suites_of packaging "differential sim" fuzz; else suites_of chaos "differential sim fuzz"; fi
echo
closing "$passed" "$failed" "$skipped"
[ "$failed" -eq 0 ]
