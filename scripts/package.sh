#!/usr/bin/env bash
# package.sh [amd64|arm64]: a Debian package, a tarball of the same files and a list of what is in them
# (CycloneDX), into build/package/out; the last lines name them. The same commit gives the same bytes,
# wherever its folder lies: times are those of the commit, paths of the folder are in no file.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/common.sh

native=$(dpkg --print-architecture)
arch=${1:-$native}
case $arch in
"$native") preset=package ;;
arm64) preset=package-arm64 ;;
*) die "there is no cross compiler for '$arch' here: $native or arm64" ;;
esac
export LC_ALL=C TZ=UTC CCACHE_BASEDIR='' # with a folder in it, ccache has its own idea of the paths in assertions
umask 022
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
version=$(scripts/package/version.sh)
work=build/package-$arch.d out=build/package/out
root=$work/root doc=$work/root/usr/share/doc/azimuth

# What a package of ours asks for, found by who owns the libraries: those of this machine's own program, which
# have the same names and versions on every architecture of one Debian.
shared_libraries() {
    mkdir -p "$work/debian"
    printf 'Source: azimuth\n\nPackage: azimuth\nArchitecture: any\n' >"$work/debian/control"
    (cd "$work" && dpkg-shlibdeps -O "$program" 2>/dev/null) | sed -n 's/^shlibs:Depends=//p'
}

# put MODE FROM TO: a file into the package.
put() { install -D -m "$1" "$2" "$root/$3"; }

# zipped FROM TO: the same, compressed as Debian wants pages of manuals.
zipped() {
    mkdir -p "$(dirname "$root/$2")"
    gzip -9n <"$1" >"$root/$2.gz"
}

fill_root() {
    put 755 "$work/azimuth" usr/bin/azimuth
    ln -s azimuth "$root/usr/bin/azm"
    put 644 packaging/azimuth.yaml etc/azimuth/azimuth.yaml
    put 644 packaging/azimuth.service usr/lib/systemd/system/azimuth.service
    local page shell
    scripts/package/manpages.py "$program" "$work/man"
    for page in "$work"/man/*.[0-9]; do
        [ -L "$page" ] || zipped "$page" "usr/share/man/man${page##*.}/$(basename "$page")"
    done
    ln -s azimuth.1.gz "$root/usr/share/man/man1/azm.1.gz"
    for shell in bash zsh fish; do "$program" completion "$shell" >"$work/completion.$shell"; done
    put 644 "$work/completion.bash" usr/share/bash-completion/completions/azimuth
    ln -s azimuth "$root/usr/share/bash-completion/completions/azm"
    put 644 "$work/completion.zsh" usr/share/zsh/vendor-completions/_azimuth
    put 644 "$work/completion.fish" usr/share/fish/vendor_completions.d/azimuth.fish
    ln -s azimuth.fish "$root/usr/share/fish/vendor_completions.d/azm.fish"
}

fill_doc() {
    local file
    put 644 packaging/deb/copyright usr/share/doc/azimuth/copyright
    zipped CHANGELOG.md usr/share/doc/azimuth/changelog
    put 644 README.md usr/share/doc/azimuth/README.md
    while read -r file; do put 644 "$file" "usr/share/doc/azimuth/$file"; done < <(git ls-files "docs/*.md")
    site/build.py --out "$doc/html" --version "$version"
    for file in packaging/{grafana,prometheus}/*; do
        [ ! -f "$file" ] || put 644 "$file" "usr/share/doc/azimuth/examples/${file#packaging/}"
    done
    while read -r file; do put 644 "$file" "usr/share/doc/azimuth/examples/$file"; done < <(git ls-files "demos/*/*")
    scripts/package/sbom.py "$version" "$arch" "$depends" >"$doc/sbom.cdx.json"
}

fill_debian() {
    mkdir -p "$root/DEBIAN"
    local size file
    size=$(find "$root" -type f -printf '%s\n' | awk '{ kb += int(($1 + 1023) / 1024) } END { print kb }')
    sed -e "s/@VERSION@/$version/" -e "s/@ARCH@/$arch/" -e "s/@SIZE@/$size/" -e "s/@SHLIBS@/$depends/" \
        packaging/deb/control.in >"$root/DEBIAN/control"
    for file in conffiles templates; do install -m 644 "packaging/deb/$file" "$root/DEBIAN/$file"; done
    for file in postinst prerm postrm; do install -m 755 "packaging/deb/$file" "$root/DEBIAN/$file"; done
    (cd "$root" && find etc usr -type f -print0 | sort -z | xargs -0 md5sum >DEBIAN/md5sums)
}

same_times() { find "$root" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +; }

tarball() {
    tar --directory "$root" --exclude ./DEBIAN --sort=name --format=gnu --mtime="@$SOURCE_DATE_EPOCH" \
        --owner=0 --group=0 --numeric-owner --transform "s,^\.,azimuth-$version," -cf - . | gzip -9n
}

scripts/deps.sh package
[ "$arch" = "$native" ] || scripts/package/sysroot.sh "$arch"
scripts/build.sh "$preset" azimuth
rm -rf "$work"
mkdir -p "$work" "$out"
tools=
[ "$arch" = "$native" ] || tools=aarch64-linux-gnu-
"${tools}strip" -o "$work/azimuth" "build/$preset/azimuth"
# Manuals and completions are the same everywhere; a program of another machine cannot be asked.
program=$PWD/$work/azimuth
if [ "$arch" != "$native" ]; then
    scripts/build.sh package azimuth
    program=$PWD/build/package/azimuth
fi
fill_root
depends=$(shared_libraries || true)
[ -n "$depends" ] || die "nobody knows which packages the program's libraries are of"
fill_doc
fill_debian
same_times
name=azimuth_${version}_$arch
dpkg-deb --root-owner-group --threads-max=1 -Zxz --build "$root" "$out/$name.deb" >/dev/null
tarball >"$out/$name.tar.gz"
cp "$doc/sbom.cdx.json" "$out/$name.cdx.json"
printf '%s\n' "$PWD/$out/$name.deb" "$PWD/$out/$name.tar.gz" "$PWD/$out/$name.cdx.json"
