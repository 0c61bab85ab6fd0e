#!/usr/bin/env bash
# deps.sh [NEED...]: install the Debian 12 packages that each NEED asks for and that are missing;
# with --list NEED it only names them.
# An entry `command=package` is missing only if the command is: another source may have brought it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/common.sh

packages() {
    case $1 in
    build)
        echo npm=npm g++ cmake ninja-build pkg-config python3 ccache libcmocka-dev libxxhash-dev libwslay-dev \
            libssl-dev node-llhttp libsimdjson-dev libsqlite3-dev libcurl4-openssl-dev libyaml-dev \
            zlib1g-dev libsnappy-dev librdkafka-dev python3-markdown
        ;;
    test)
        echo python3-qpid-proton iproute2 mosquitto mosquitto-clients openssl zsh=zsh fish=fish clang-16 \
            libclang-rt-16-dev
        ;;
    coverage) echo llvm-16 ;;
    afl) echo afl-fuzz=afl++ libclang-rt-14-dev ;;
    differential) echo node=nodejs python3-h11 python3-qpid-proton node-mqtt-packet node-ws ;;
    conformance) echo ca-certificates iproute2 mosquitto-clients openssl swtpm ;;
    node) echo npm=npm ;;
    console) echo npm=npm chromium=chromium ;;
    pictures) echo pngquant=pngquant ;;
    python) echo python3-venv ;;
    cosmos) echo npm=npm ;;
    kafka) echo kcat python3-venv java=default-jdk-headless mvn=maven ;;
    java) echo javac=default-jdk-headless mvn=maven ;;
    go) echo go=golang-go ;;
    package) echo dpkg-dev ;;
    cross) echo gcc-aarch64-linux-gnu g++-aarch64-linux-gnu qemu-aarch64=qemu-user ;;
    image) echo buildah=buildah ca-certificates ;;
    packaging) echo buildah=buildah podman=podman podman-compose=podman-compose runc=runc ca-certificates debootstrap=debootstrap mandoc=mandoc shellcheck=shellcheck systemd-nspawn=systemd-container util-linux ;;
    bench) echo mosquitto openssl ;;
    nginx) echo nginx=nginx-light ;;
    proton) echo libqpid-proton11-dev libqpid-proton11-dev-examples ;;
    rabbitmq) echo rabbitmq-server ;;
    format) echo clang-format-16 shellcheck ;;
    lint) echo clang-format-16 clang-tidy-16 shellcheck cppcheck ;;
    *) die "there is no list of packages for '$1'" ;;
    esac
}

missing() {
    local entry package
    for entry in "$@"; do
        package=${entry#*=}
        if [ "$entry" != "$package" ]; then
            command -v "${entry%%=*}" >/dev/null || echo "$package"
        else
            dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
                echo "$package"
        fi
    done
}

install() {
    local as=()
    if [ "$(id -u)" -ne 0 ]; then
        if ! command -v sudo >/dev/null || { [ ! -t 0 ] && ! sudo -n true 2>/dev/null; }; then
            say "dev: packages are missing; as root, run this one line and start again:"
            say "apt-get update && apt-get install -y --no-install-recommends $*"
            exit 1
        fi
        as=(sudo)
    fi
    say "dev: installing $*"
    thrice "${as[@]}" apt-get update -qq
    # Another apt may be at work, as on a machine that has just been started.
    thrice "${as[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
        -o DPkg::Lock::Timeout=300 --no-install-recommends "$@" >/dev/null
}

if [ "${1:-}" = --list ]; then
    packages "$2"
    exit
fi
[ $# -gt 0 ] || set -- build test conformance node console python java go cosmos kafka bench lint
wanted=()
for need in "$@"; do
    list=$(packages "$need")
    read -ra entries <<<"$list"
    mapfile -t -O "${#wanted[@]}" wanted < <(missing "${entries[@]}")
done
mapfile -t wanted < <(printf '%s\n' "${wanted[@]}" | sed '/^$/d' | sort -u)
[ "${#wanted[@]}" -eq 0 ] || install "${wanted[@]}"
