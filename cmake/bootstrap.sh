#!/bin/sh
# Installs the Debian packages that are missing: bootstrap.sh GROUP..., groups build demo test bench clang docs.
# Asks dpkg first, so it is quick and silent, needs no network and no root when nothing is missing.
set -eu

packages=""
for group in "$@"; do
  case $group in
    build) more="g++ cmake ninja-build ccache pkg-config libeigen3-dev libfftw3-dev librandom123-dev nlohmann-json3-dev zlib1g-dev libzstd-dev libblosc-dev" ;;
    demo) more="libcli11-dev" ;;
    test) more="catch2" ;;
    bench) more="libbenchmark-dev" ;;
    clang) more="clang libclang-rt-dev libomp-dev" ;;
    docs) more="doxygen" ;;
    *) echo "bootstrap.sh: unknown group '$group', expected build, demo, test, bench, clang or docs" >&2; exit 2 ;;
  esac
  packages="$packages $more"
done

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  echo "bootstrap.sh: not a Debian system; the names of the packages needed there are:$packages" >&2
  exit 0
fi

missing=""
for package in $packages; do
  status=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)
  [ "$status" = "install ok installed" ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

as_root=""
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || {
    echo "bootstrap.sh: missing packages; as root run: apt-get install$missing" >&2
    exit 1
  }
  as_root="sudo"
fi

echo "bootstrap.sh: installing$missing"
apt() { $as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y "$@"; }
install_missing() { apt install --no-install-recommends $missing; }

# The lists of a fresh machine are empty, those of an old one may name versions that are gone.
if [ -n "$(apt-cache --names-only search '^ninja-build$' 2>/dev/null)" ] && install_missing; then exit 0; fi
apt update
install_missing
