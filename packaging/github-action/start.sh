#!/usr/bin/env bash
# start.sh: starts a hub that outlives this step, makes DEVICES, and tells the steps that follow: the variables
# of `azimuth env` through GITHUB_ENV, the directory and the ready line through GITHUB_OUTPUT. OPTIONS are more
# options of azimuth serve.
set -euo pipefail

here=$(mktemp -d "${RUNNER_TEMP:?}/azimuth-XXXXXX")
read -ra options <<<"${OPTIONS:-}"
read -ra devices <<<"${DEVICES:-}"
nohup azimuth serve --ephemeral "${options[@]}" >"$here/ready" 2>"$here/log" </dev/null &
pid=$!
trap 'kill "$pid" 2>/dev/null || true' EXIT # unless all of this comes to its end
for _ in {1..600}; do
    [ ! -s "$here/ready" ] || break
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.1
done
if [ ! -s "$here/ready" ]; then
    cat "$here/log" >&2
    exit 1
fi
ready=$(head -n 1 "$here/ready")
data=$(sed -E 's/.*"data":"([^"]*)".*/\1/' <<<"$ready")
for device in "${devices[@]}"; do
    azimuth hub device-identity create --data "$data" --device-id "$device" >/dev/null
done
azimuth env --data "$data" --format github ${devices[0]:+--device-id "${devices[0]}"} >>"$GITHUB_ENV"
{
    echo "data=$data"
    echo "ready=$ready"
    echo "pid=$pid"
} >>"$GITHUB_OUTPUT"
trap - EXIT
