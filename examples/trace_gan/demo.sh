#!/bin/sh
# Records this machine's own file I/O, learns it, and compares: demo.sh BUILD_FOLDER [OUT_FOLDER]
# Half a minute on two cores. Needs no network and nothing but this repository and its build.
set -eu

if [ $# -lt 1 ]; then
  echo "usage: demo.sh BUILD_FOLDER [OUT_FOLDER]" >&2
  exit 2
fi
here=$(CDPATH='' cd "$(dirname "$0")" && pwd)
program=$1/examples/trace_gan
out=${2:-$1/demo/trace_gan}
if [ ! -x "$program" ]; then
  echo "demo.sh: $program is not there; build it: cmake --build $1 --target trace_gan" >&2
  exit 1
fi
mkdir -p "$out"

step() { printf '\n== %s\n' "$*"; }
start=$(date +%s)

step "recording requests to a scratch file"
"$program" record --out "$out/recorded.txt" --requests 6000 --seconds 8 --size_mb 64 --force

step "learning them, 80 epochs"
"$program" train --config "$here/configs/best.json" --num_epochs 80 --trace_path "$out/recorded.txt" \
  --output_synth "$out/synthetic.txt" --save_dir "$out/models" --force >"$out/epochs.txt"
tail -n 2 "$out/epochs.txt"

step "how far the synthetic trace is from the recorded one"
"$program" mmd "$out/recorded.txt" "$out/synthetic.txt"
"$program" report "$out/recorded.txt" "$out/synthetic.txt" --model "$out/models/model" --out "$out/report.html" --force
printf '\neverything took %d s\nreport: %s/report.html\n' $(($(date +%s) - start)) "$(CDPATH='' cd "$out" && pwd)"
