#!/bin/sh
# The eight experiments with few epochs, their table and their page: demo.sh BUILD_FOLDER [OUT_FOLDER]
# Some five seconds on two cores. Needs no network and nothing but this repository and its build.
. "$(dirname "$0")/../common/demo.sh"

step "eight MNIST-1D diffusion experiments, 20 epochs of the published 50"
"$program" run --epochs 20 --quiet --force --out "$out"

step "curves, bars and samples"
"$program" report "$out" --out "$out/report.html" --force >/dev/null
finish report.html
