#!/bin/sh
# Trains on MNIST-1D, evaluates, streams, writes the report: demo.sh BUILD_FOLDER [OUT_FOLDER]
# A few minutes on two cores. Needs no network and nothing but this repository and its build.
. "$(dirname "$0")/../common/demo.sh"

step "training a state-space model on MNIST-1D (Ctrl-C saves and stops)"
"$program" train --config "$here/configs/mnist1d.json" --data "$here/../data/mnist1d" --out "$out" --overwrite

step "the test set, in batches"
"$program" evaluate "$out"

step "the same model fed sample by sample"
"$program" stream "$out"
finish report.html
