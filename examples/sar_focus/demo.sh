#!/bin/sh
# Simulates a small radar scene, learns to focus it, shows range-compressed, classical and learned images:
# demo.sh BUILD_FOLDER [OUT_FOLDER]. Half a minute on two cores. Needs no network and nothing but this repository and
# its build.
set -eu

if [ $# -lt 1 ]; then
  echo "usage: demo.sh BUILD_FOLDER [OUT_FOLDER]" >&2
  exit 2
fi
here=$(CDPATH='' cd "$(dirname "$0")" && pwd)
program=$1/examples/sar_focus
out=${2:-$1/demo/sar_focus}
if [ ! -x "$program" ]; then
  echo "demo.sh: $program is not there; build it: cmake --build $1 --target sar_focus" >&2
  exit 1
fi
mkdir -p "$out"

step() { printf '\n== %s\n' "$*"; }
start=$(date +%s)

step "scatterers over speckle: 96 columns to learn from, 32 to look at"
"$program" simulate --out "$out/data" --rows 1024 --force

step "learning their focus, 15 epochs (Ctrl-C saves and stops)"
"$program" train --config "$here/configs/demo.json" --train_dir "$out/data/training" --val_dir "$out/data/validation" \
  --directory "$out" --model_name model --force

step "columns it has not seen, beside the classical processor"
"$program" evaluate "$out/data/validation/s1a-s3-simulated.zarr" --model "$out/model" --whole --out "$out/evaluation" --force
printf '\neverything took %d s\nimages: range_compressed.png, classical.png, learned.png in %s\nreport: %s/report.html\n' \
  $(($(date +%s) - start)) "$(CDPATH='' cd "$out/evaluation" && pwd)" "$(CDPATH='' cd "$out/evaluation" && pwd)"
