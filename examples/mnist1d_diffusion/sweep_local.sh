#!/bin/sh
# The published sweep here, one experiment per core: sweep_local.sh BUILD_FOLDER [OUT_FOLDER [OPTIONS OF run]]
# Stopped (Ctrl-C, a reboot), it goes on where it was when it is started again. The same sweep under SLURM: sweep.slurm.
set -eu

if [ $# -lt 1 ]; then
  echo "usage: sweep_local.sh BUILD_FOLDER [OUT_FOLDER [OPTIONS OF run]]" >&2
  exit 2
fi
program=$1/examples/mnist1d_diffusion
out=${2:-out/mnist1d_diffusion}
shift $(($# > 1 ? 2 : 1))

"$program" run --epochs 50 --repeats 3 --regressor --out "$out" "$@"
"$program" report "$out"
