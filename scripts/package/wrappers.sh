#!/usr/bin/env bash
# wrappers.sh PROGRAM DIR: the packages of packaging/npm and packaging/python with PROGRAM in them, as npm and
# pip make them, into DIR. Nothing is published.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source scripts/common.sh

program=$1 out=$2
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
rm -rf "$out"
mkdir -p "$out"
cp -r packaging/npm packaging/python "$out/"
for place in "$out/npm/bin" "$out/python/azimuth_iot/bin"; do
    mkdir -p "$place"
    strip -o "$place/azimuth" "$program"
    chmod 755 "$place/azimuth"
done
(cd "$out" && npm pack --silent ./npm >/dev/null)
[ -x build/wrappers-venv/bin/pip ] || python3 -m venv build/wrappers-venv
build/wrappers-venv/bin/python -c 'import wheel, setuptools' 2>/dev/null ||
    thrice build/wrappers-venv/bin/pip install -q --disable-pip-version-check 'setuptools>=61' wheel ||
    die "setuptools and wheel cannot be had"
build/wrappers-venv/bin/pip wheel -q --disable-pip-version-check --no-deps --no-build-isolation \
    --config-settings=--build-option=--plat-name=linux_x86_64 -w "$out" "$out/python"
rm -rf "$out/npm" "$out/python"
ls "$out"
