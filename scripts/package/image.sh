#!/usr/bin/env bash
# image.sh NAME [ARCHIVE]: a container image of the newest package of ./dev package, in this machine's store of
# images and as an archive that `podman load` and `docker load` take. From scratch: the program, the libraries
# that it is linked with or loads, certificates of the system, no shell. State is in the volume /data, which is
# of user 65532.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source scripts/common.sh

name=$1 archive=${2:-}
scripts/deps.sh image
package=$(find build/package/out -name "azimuth_*_$(dpkg --print-architecture).deb" -printf '%T@ %p\n' 2>/dev/null |
    sort -n | tail -n 1 | cut -d' ' -f2-)
[ -n "$package" ] || die "there is no package: ./dev package makes one"
root=build/image
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)

# The paths of all libraries that a file asks for, and of the loader.
libraries() { ldd "$@" | grep -oE '/[^ ):]+' | sort -u; }

# Copied under the name by which it is asked for, whatever it is a link to.
put_library() {
    install -D -m 644 "$(realpath "$1")" "$root/usr/lib/$(basename "$1")"
}

fill_libraries() {
    local curl loader library
    curl=$(ldconfig -p | sed -nE 's/.*libcurl\.so\.4 .*=> //p' | head -n 1) # loaded when it is needed
    put_library "$curl"
    for library in $(libraries "$root/usr/bin/azimuth" "$curl" | grep '\.so'); do put_library "$library"; done
    loader=$(find "$root/usr/lib" -name 'ld-linux*')
    chmod 755 "$loader"
    mkdir -p "$root/usr/lib64"
    ln -s "../lib/$(basename "$loader")" "$root/usr/lib64/$(basename "$loader")"
    ln -s usr/lib "$root/lib"
    ln -s usr/lib64 "$root/lib64"
}

fill_system() {
    install -D -m 644 /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
    echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
    echo 'azimuth:x:65532:65532::/data:/sbin/nologin' >"$root/etc/passwd"
    echo 'azimuth:x:65532:' >"$root/etc/group"
    install -d -m 1777 "$root/tmp"
    install -d -o 65532 -g 65532 -m 700 "$root/data"
}

rm -rf "$root"
mkdir -p "$root/etc"
dpkg-deb --fsys-tarfile "$package" | tar -C "$root" -xf - ./usr/bin ./usr/share/doc/azimuth/copyright
fill_libraries
fill_system
container=$(buildah from --format docker scratch)
trap 'buildah rm "$container" >/dev/null' EXIT
mounted=$(buildah mount "$container")
cp -a "$root/." "$mounted"
buildah umount "$container" >/dev/null
buildah config --user 65532:65532 --entrypoint '["/usr/bin/azimuth"]' --cmd 'serve --bind 0.0.0.0' \
    --env AZIMUTH_DATA=/data --env SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt --volume /data \
    --port 443 --port 5671 --port 8443 --port 8883 \
    --healthcheck 'CMD /usr/bin/azimuth health' "$container"
buildah commit --quiet --format docker --timestamp "$SOURCE_DATE_EPOCH" "$container" "$name" >/dev/null
[ -z "$archive" ] || buildah push --quiet "$name" "docker-archive:$archive:$name"
say "image $name: $(du -sm "$root" | cut -f1) MB"
