#!/usr/bin/env bash
# version.sh: the version of what is checked out, as Debian orders them. A commit with the tag vX.Y.Z is
# X.Y.Z; any other comes before the version of CMakeLists.txt, by the time of its commit.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

next=$(sed -nE 's/^project\(azimuth VERSION ([0-9.]+).*/\1/p' CMakeLists.txt)
if tag=$(git describe --exact-match --tags --match 'v[0-9]*' HEAD 2>/dev/null); then
    version=${tag#v}
else
    version=$next~git$(TZ=UTC git log -1 --format=%cd --date=format-local:%Y%m%d%H%M%S).$(git rev-parse --short=8 HEAD)
fi
git diff --quiet HEAD -- || version+=+changed
echo "$version"
