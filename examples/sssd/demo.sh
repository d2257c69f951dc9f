#!/bin/sh
# Trains a small diffusion model on ETTh1, imputes hidden hours, writes the report: demo.sh BUILD_FOLDER [OUT_FOLDER]
# At most a minute and a half on two cores. Needs no network and nothing but this repository and its build.
set -eu

if [ $# -lt 1 ]; then
  echo "usage: demo.sh BUILD_FOLDER [OUT_FOLDER]" >&2
  exit 2
fi
here=$(CDPATH='' cd "$(dirname "$0")" && pwd)
program=$1/examples/sssd
out=${2:-$1/demo/ett}
if [ ! -x "$program" ]; then
  echo "demo.sh: $program is not there; build it: cmake --build $1 --target sssd" >&2
  exit 1
fi

step() { printf '\n== %s\n' "$*"; }
start=$(date +%s)

step "training SSSD with S4D layers on a year of ETTh1 (Ctrl-C saves and stops)"
"$program" train --config "$here/configs/ett_impute.json" --data "$here/../data" --output_dir "$out" --force
trained=$(date +%s)

step "ten hours in a hundred hidden at random, a year later: median and band of 20 draws"
"$program" impute --checkpoint "$out" --data "$here/../data" --samples 20 --limit 20 --batch_size 50 \
  --sampler ddim --steps 10 --output_dir "$out/imputed" --force

end=$(date +%s)
report=$(CDPATH='' cd "$out/imputed" && pwd)/report.html
printf '\ntraining took %d s, everything %d s\nreport: %s\n' $((trained - start)) $((end - start)) "$report"
