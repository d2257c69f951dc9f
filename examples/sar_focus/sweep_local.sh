#!/bin/sh
# A grid on this machine, one training per core: sweep_local.sh BUILD_FOLDER GRID [OUT_FOLDER [OPTIONS OF sweep]]
# Stopped (Ctrl-C, a reboot), it goes on where it was when it is started again. The same under SLURM: sweep.slurm, with
# Nextflow: sweep.nf.
set -eu

if [ $# -lt 2 ]; then
  echo "usage: sweep_local.sh BUILD_FOLDER GRID [OUT_FOLDER [OPTIONS OF sweep]]" >&2
  exit 2
fi
program=$1/examples/sar_focus
grid=$2
out=${3:-sweep}
shift $(($# > 2 ? 3 : 2))

exec "$program" sweep "$grid" --out "$out" --jobs "$(nproc)" "$@"
