# SPDX-License-Identifier: GPL-2.0-or-later
# Shared parts of the scripts; read with `. scripts/lib.sh` from the top.

# What a build and its tests need on Debian 12. clang is for CI only.
PACKAGES="meson ninja-build gcc binutils libc6-dev pkg-config python3
    clang-format libglib2.0-dev libpixman-1-dev libslirp-dev zlib1g-dev
    libzstd-dev libxxhash-dev libjson-glib-dev libpng-dev libfdt-dev
    libcapstone-dev libedit-dev acpica-tools seabios qemu-utils gdb
    xz-utils"

# CI adds clang.
PACKAGES="$PACKAGES ${EXTRA_PACKAGES:-}"

BUILD=${BUILD:-build}
GUESTS=${REPRISE_GUESTS:-$BUILD/guests}

say() { printf '%s\n' "== $*"; }
die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "needs root or sudo for: $*"
    fi
}

# The packages of $PACKAGES that are not installed.
missing_packages() {
    for p in $PACKAGES; do
        status=$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null || :)
        [ "$status" = installed ] || printf '%s ' "$p"
    done
}

# Asks the network only when something is missing.
install_packages() {
    if ! command -v dpkg-query >/dev/null; then
        say "not Debian: install the equivalents of: $(echo $PACKAGES)"
        return
    fi
    missing=$(missing_packages)
    [ -n "$missing" ] || return 0
    say "installing $missing"
    export DEBIAN_FRONTEND=noninteractive
    as_root apt-get update -qq || say "apt-get update failed, going on"
    # shellcheck disable=SC2086
    as_root apt-get install -y -qq --no-install-recommends $missing ||
        die "cannot install $missing"
}

# Keeps an existing build directory; ninja reconfigures it when needed.
build_all() {
    if [ ! -f "$BUILD/build.ninja" ]; then
        ./configure --build-dir="$BUILD" "$@"
    fi
    ninja -C "$BUILD"
}
