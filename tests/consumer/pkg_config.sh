#!/bin/sh
# pkg_config.sh PREFIX WORK_DIR COMPILER: the two pkg-config modules, one compiler call each.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
prefix=$1
work=$2
compiler=$3
mkdir -p "$work"
PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name longwave.pc)")
export PKG_CONFIG_PATH

build() { # MODULE [FLAG...]
  module=$1
  shift
  flags=$(pkg-config --cflags --libs "$module")
  echo "$module $(pkg-config --modversion "$module"): $flags"
  # shellcheck disable=SC2086
  "$compiler" -std=c++20 "$@" "$here/main.cpp" $flags -o "$work/$module"
  "$work/$module"
}

build longwave
if pkg-config --exists longwave-fftw; then build longwave-fftw -DEXPECT_FFTW; fi
