#!/bin/sh
# Simulates a small radar scene, learns to focus it, shows range-compressed, classical and learned images:
# demo.sh BUILD_FOLDER [OUT_FOLDER]. Half a minute on two cores. Needs no network and nothing but this repository and
# its build.
. "$(dirname "$0")/../common/demo.sh"
mkdir -p "$out"

step "scatterers over speckle: 96 columns to learn from, 32 to look at"
"$program" simulate --out "$out/data" --rows 1024 --force

step "learning their focus, 15 epochs (Ctrl-C saves and stops)"
"$program" train --config "$here/configs/demo.json" --train_dir "$out/data/training" --val_dir "$out/data/validation" \
  --directory "$out" --model_name model --force

step "columns it has not seen, beside the classical processor"
"$program" evaluate "$out/data/validation/s1a-s3-simulated.zarr" --model "$out/model" --whole --out "$out/evaluation" --force
printf 'images: range_compressed.png, classical.png, learned.png in %s/evaluation\n' "$out"
finish evaluation/report.html
