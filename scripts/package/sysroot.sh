#!/usr/bin/env bash
# sysroot.sh ARCH: Debian's libraries of another architecture, with headers, in build/sysroot-ARCH. Nothing is
# installed: apt says what belongs together and fetches it, into folders of ours, and it is unpacked.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source scripts/common.sh

arch=$1
root=$PWD/build/sysroot-$arch apt=$PWD/build/sysroot-$arch.apt
scripts/deps.sh cross
mapfile -t wanted < <(scripts/deps.sh --list build | tr ' ' '\n' | grep -E -- '-dev$')
stamp=$root/.complete
[ "$(cat "$stamp" 2>/dev/null)" != "${wanted[*]}" ] || exit 0

rm -rf "$root" "$apt"
mkdir -p "$root" "$apt"/{state/lists/partial,cache/archives/partial}
: >"$apt/status"
options=(-qq -o "APT::Architecture=$arch" -o "APT::Architectures=$arch" -o "Dir::State=$apt/state"
    -o "Dir::State::status=$apt/status" -o "Dir::Cache=$apt/cache" -o Debug::NoLocking=true
    -o APT::Sandbox::User=root -o APT::Install-Recommends=false)
say "dev: fetching Debian's libraries for $arch"
apt-get "${options[@]}" update
apt-get "${options[@]}" install --download-only --yes libc6-dev libstdc++-12-dev "${wanted[@]}" >/dev/null
for package in "$apt"/cache/archives/*.deb; do dpkg-deb --extract "$package" "$root"; done
# Links that begin at the root would lead to this machine's own files.
find "$root" -type l -lname '/*' | while read -r link; do
    ln -sfn --relative "$root$(readlink "$link")" "$link"
done
rm -rf "$apt"
echo "${wanted[*]}" >"$stamp"
