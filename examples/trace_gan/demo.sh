#!/bin/sh
# Records this machine's own file I/O, learns it, and compares: demo.sh BUILD_FOLDER [OUT_FOLDER]
# Half a minute on two cores. Needs no network and nothing but this repository and its build.
. "$(dirname "$0")/../common/demo.sh"
mkdir -p "$out"

step "recording requests to a scratch file"
"$program" record --out "$out/recorded.txt" --requests 6000 --seconds 8 --size_mb 64 --force

step "learning them, 80 epochs"
"$program" train --config "$here/configs/best.json" --num_epochs 80 --trace_path "$out/recorded.txt" \
  --output_synth "$out/synthetic.txt" --save_dir "$out/models" --force >"$out/epochs.txt"
tail -n 2 "$out/epochs.txt"

step "how far the synthetic trace is from the recorded one"
"$program" mmd "$out/recorded.txt" "$out/synthetic.txt"
"$program" report "$out/recorded.txt" "$out/synthetic.txt" --model "$out/models/model" --out "$out/report.html" --force
finish report.html
