#!/bin/sh
# Trains on MNIST-1D, evaluates, streams, writes the report: demo.sh BUILD_FOLDER [OUT_FOLDER]
# A few minutes on two cores. Needs no network and nothing but this repository and its build.
set -eu

if [ $# -lt 1 ]; then
  echo "usage: demo.sh BUILD_FOLDER [OUT_FOLDER]" >&2
  exit 2
fi
here=$(CDPATH='' cd "$(dirname "$0")" && pwd)
program=$1/examples/long_sequence
out=${2:-$1/demo/mnist1d}
if [ ! -x "$program" ]; then
  echo "demo.sh: $program is not there; build it: cmake --build $1 --target long_sequence" >&2
  exit 1
fi

step() { printf '\n== %s\n' "$*"; }
start=$(date +%s)

step "training a state-space model on MNIST-1D (Ctrl-C saves and stops)"
"$program" train --config "$here/configs/mnist1d.json" --data "$here/../data/mnist1d" --out "$out" --overwrite
trained=$(date +%s)

step "the test set, in batches"
"$program" evaluate "$out"

step "the same model fed sample by sample"
"$program" stream "$out"

end=$(date +%s)
report=$(CDPATH='' cd "$out" && pwd)/report.html
printf '\ntraining took %d s, everything %d s\nreport: %s\n' $((trained - start)) $((end - start)) "$report"
