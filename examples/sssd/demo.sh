#!/bin/sh
# Trains a small diffusion model on ETTh1, imputes hidden hours, writes the report: demo.sh BUILD_FOLDER [OUT_FOLDER]
# At most a minute and a half on two cores. Needs no network and nothing but this repository and its build.
. "$(dirname "$0")/../common/demo.sh"

step "training SSSD with S4D layers on a year of ETTh1 (Ctrl-C saves and stops)"
"$program" train --config "$here/configs/ett_impute.json" --data "$here/../data" --output_dir "$out" --force

step "ten hours in a hundred hidden at random, a year later: median and band of 20 draws"
"$program" impute --checkpoint "$out" --data "$here/../data" --samples 20 --limit 20 --batch_size 50 \
  --sampler ddim --steps 10 --output_dir "$out/imputed" --force
finish imputed/report.html
