#!/bin/sh
# The eight experiments with few epochs, their table and their page: demo.sh BUILD_FOLDER [OUT_FOLDER]
# Some five seconds on two cores. Needs no network and nothing but this repository and its build.
set -eu

if [ $# -lt 1 ]; then
  echo "usage: demo.sh BUILD_FOLDER [OUT_FOLDER]" >&2
  exit 2
fi
program=$1/examples/mnist1d_diffusion
out=${2:-$1/demo/mnist1d_diffusion}
if [ ! -x "$program" ]; then
  echo "demo.sh: $program is not there; build it: cmake --build $1 --target mnist1d_diffusion" >&2
  exit 1
fi

step() { printf '\n== %s\n' "$*"; }
start=$(date +%s)

step "eight MNIST-1D diffusion experiments, 20 epochs of the published 50"
"$program" run --epochs 20 --quiet --force --out "$out"

step "curves, bars and samples"
"$program" report "$out" --out "$out/report.html" --force >/dev/null
printf 'everything took %d s\nreport: %s/report.html\n' $(($(date +%s) - start)) "$(CDPATH='' cd "$out" && pwd)"
