#!/bin/bash
# The program sar_focus from the outside: exit codes, messages, every command from echoes to a report.
#   sar_focus_test.sh PROGRAM
. "$(dirname "$0")/expect.sh"

lines=(--patch_rows 64 --buffer_rows 0 --buffer_columns 0 --stride_rows 64)

echo "-- the command line (exit code 2)"
expect 2 "subcommand"
expect 2 "--no-such-option" train --no-such-option
expect 2 "expected an even number" train -hs 7
expect 2 "expected 4 or more" train -bs 3
expect 2 "one of leakyrelu, relu" train -af swish
expect 2 "an integer from 1 to 64" train -nl 0
expect 0 "-nl: S4D layers [4]" train --help
expect 0 "-lr: of AdamW [0.005]" train --help
expect 2 '--device: "gpu" is none of cpu, cuda, cuda:<number>' train --device gpu
expect 2 "--gpu_no 1 is cuda:1, and --device says cpu" train -gpu 1 --device cpu
expect 2 "--device cuda" train -gpu 4000
expect 2 "--radar" compress echoes.npy
expect 2 "product" evaluate
expect 2 "--overlap: -1, expected a number of 0 or more" focus none none --overlap -1
expect 2 "--chunk_rows: 0, expected a number above 0" compress none --radar none --chunk_rows 0
expect 2 "at most half overlap" focus none none --chunk 16 --overlap 9

echo "-- simulated products"
expect 0 "training/s1a-s3-simulated.zarr: 64 rows, 24 columns" simulate --out data --rows 64 --columns 24 \
  --validation_columns 16 --scatterers 5
expect 2 "is there already; --force replaces it" simulate --out data --rows 64
expect 0 "validation" simulate --out data --rows 64 --columns 24 --validation_columns 16 --scatterers 5 --force
expect 0 "matched filter" evaluate data/validation/s1a-s3-simulated.zarr --out plain --scatterers 2
for file in evaluation.json report.html range_compressed.png classical.png; do [ -s plain/$file ] || fail "no plain/$file"; done
[ -e plain/learned.png ] && fail "a learned image without a network"
expect 2 "is there already" evaluate data/validation/s1a-s3-simulated.zarr --out plain

echo "-- echoes to products"
expect 0 "90 pulses of 129 samples" simulate --echoes echoes.npy --rows 90 --columns 40 --scatterers 3
expect 2 "is there already" simulate --echoes echoes.npy --rows 90
expect 0 "contrast of the classical image" compress echoes.npy --radar echoes.npy.json --out real \
  --validation_columns 10 --gap 4
[ -s real/training/s1a-s3-scene.zarr/az/0.0 ] || fail "no training product"
grep -q '"first_column": 30' real/validation/s1a-s3-scene.zarr/.zattrs || fail "the last ten columns are not the last"
expect 0 "columns 0 to 39" compress echoes.npy --radar echoes.npy.json --out all --validation_columns 0 \
  --rows_of zero_doppler --keep_carrier --estimate_doppler
expect 2 "leave none of the 40 columns" compress echoes.npy --radar echoes.npy.json --out none --validation_columns 38
expect 2 "at least the 90 pulses" compress echoes.npy --radar echoes.npy.json --out none --validation_columns 0 --fft_rows 64
expect 2 "--rows_of beam alone" compress echoes.npy --radar echoes.npy.json --out none --rows_of zero_doppler \
  --delay 3
expect 1 "none.npy" compress none.npy --radar echoes.npy.json --out none
sed 's/"prf": [0-9.]*/"prf": 0/' echoes.npy.json >still.json
expect 1 "prf is 0" compress echoes.npy --radar still.json --out none
sed 's/"chirp_duration": [0-9.e-]*/"chirp_duration": 1.0/' echoes.npy.json >long.json
expect 1 "shorter than the pulse" compress echoes.npy --radar long.json --out none
[ -e none ] && fail "a run that could not start left a folder"

echo "-- training, focusing, evaluating"
expect 0 "val_loss" train "${lines[@]}" --train_dir data/training --val_dir data/validation -bs 4 -vb 4 -ep 1 -nl 1 \
  -dn runs -mn tiny --threads 1
expect 0 "16 columns of 64 rows" focus runs/tiny data/validation/s1a-s3-simulated.zarr --out learned --chunk 32 --overlap 8
[ -s learned/az_learned.png ] && [ -s learned/az_learned/0.0 ] || fail "no learned image"
expect 2 "is there already" focus runs/tiny data/validation/s1a-s3-simulated.zarr --out learned
expect 0 "learned" evaluate data/validation/s1a-s3-simulated.zarr --model runs/tiny --out full --whole --scatterers 2
for text in '"constant 0.5"' '"ssim"' '"psnr_db"' '"pslr_db"' '"islr_db"' '"contrast"' '"entropy"' '"matched filter"'; do
  grep -qF "$text" full/evaluation.json || fail "no $text in evaluation.json"
done
[ "$(grep -o '<img src="data:image/png' full/report.html | wc -l)" -eq 3 ] || fail "three pictures in the page"
expect 0 "learned" evaluate data/validation/s1a-s3-simulated.zarr --learned learned/az_learned --out full --force
expect 2 "one of them" evaluate data/validation/s1a-s3-simulated.zarr --learned learned/az_learned --model runs/tiny
expect 1 "none" focus none data/validation/s1a-s3-simulated.zarr --out other
expect 1 "holds no array \"rc\"" evaluate learned

echo "-- damaged products (exit code 1, one line)"
one_line() { [ "$(wc -l <out.txt)" -eq 1 ] || fail "not one line: $*"; }
tiny=(train "${lines[@]}" --val_dir data/validation -bs 4 -vb 4 -ep 1 -nl 1 -dn runs -mn other --quiet --threads 1)
product=broken/s1a-s3-simulated.zarr
broken() { rm -rf broken && mkdir broken && cp -r data/training/s1a-s3-simulated.zarr $product; }
broken && rm -r $product/az
expect 1 "holds no array \"az\"" "${tiny[@]}" --train_dir broken
one_line
broken && truncate -s 100 $product/rc/0.1
expect 1 "s1a-s3-simulated.zarr/rc/0.1" "${tiny[@]}" --train_dir broken
one_line
broken && rm -r $product/az && cp -r data/validation/s1a-s3-simulated.zarr/az $product/az
expect 1 "rc is (64, 24) and az is (64, 16)" "${tiny[@]}" --train_dir broken
one_line
broken && sed -i 's/"compressor": null/"compressor": {"id": "lzma"}/' $product/az/.zarray
expect 1 "lzma" "${tiny[@]}" --train_dir broken
one_line
broken && printf '\x00\x00\xc0\x7f' | dd of=$product/rc/0.0 bs=1 seek=8 conv=notrunc 2>/dev/null
expect 1 "row 0, column 1 is not a number" "${tiny[@]}" --train_dir broken
one_line
expect 1 "smaller than a patch of (65, 1)" "${tiny[@]}" --train_dir data/training --patch_rows 65
one_line
expect 1 "holds no product" "${tiny[@]}" --train_dir runs
one_line

echo "-- Ctrl-C saves and leaves with 130; what goes on from there is what was never stopped, bit for bit"
long=(train "${lines[@]}" --train_dir data/training --val_dir data/validation -bs 4 -vb 4 -nl 1 -dn runs --threads 1 --quiet)
# (a shell starts background programs with SIGINT ignored; env restores it)
env --default-signal=INT "$program" "${long[@]}" -mn stopped -ep 1000000 >out.txt 2>&1 &
pid=$!
for _ in $(seq 100); do
  grep -qs '"step":20,' runs/stopped/version_0/metrics.jsonl && break
  sleep 0.1
done
kill -INT $pid
wait $pid
code=$?
[ $code -eq 130 ] || fail "exit code $code after Ctrl-C, expected 130"
[ -e runs/stopped/model ] && fail "a model of a run that was stopped"
epochs=$(($(grep -c '"kind":"epoch"' runs/stopped/version_0/metrics.jsonl) + 1))
expect 0 "val_loss" train --resume -dn runs -mn stopped -ep $epochs --quiet
expect 0 "val_loss" "${long[@]}" -mn whole -ep $epochs
cmp runs/stopped/model_weights runs/whole/model_weights || fail "a resumed run has other weights"
expect 2 "cannot change in a resumed run" train --resume -dn runs -mn stopped -lr 1
expect 1 "holds a model already" "${long[@]}" -mn whole -ep 1
expect 2 "bf16 is for GPUs" "${long[@]}" -mn half --precision bf16

echo "-- sweeps"
echo '{"num_layers": [1, 2], "ssim": [0.3, 0.5], "epochs": 1}' >grid.json
grid=(sweep grid.json "${lines[@]}" --train_dir data/training --val_dir data/validation -bs 4 -vb 4)
expect 0 "sweep_exp_0002" "${grid[@]}" --list --slice 2/3
expect 0 "1 of 1 experiments are finished" "${grid[@]}" --experiment_id sweep_exp_0003
[ -e sweep/sweep_summary.csv ] && fail "the summary of a part"
expect 0 "4 of 4 experiments are finished" "${grid[@]}" --jobs 2
[ "$(grep -c finished sweep/sweep_summary.csv)" -eq 4 ] || fail "not four experiments in the summary"
grep -q '"experiment_id": "sweep_exp_000' sweep/best_params.json || fail "no best experiment"
expect 0 "best: sweep_exp_000" "${grid[@]}" --aggregate
expect 2 '--device: "gpu" is none of cpu, cuda, cuda:<number>' "${grid[@]}" --device gpu
sed 's/0.5/0.5001/' grid.json >other.json
expect 1 "belongs to another sweep: ssim is 0.5 there and 0.5001 here" "${grid[@]/grid.json/other.json}"
expect 1 "0 of 4 experiments are finished" "${grid[@]}" --train_dir nowhere --out failed
[ "$(grep -c ,failed, failed/sweep_summary.csv)" -eq 4 ] || fail "not four failures in the summary"
grep -q "ended with 1: sar_focus: nowhere: " failed/sweep_exp_0004/error.txt || fail "a failure does not say why"
expect 2 "PART/PARTS" "${grid[@]}" --slice 3/2
expect 2 "the grid goes from sweep_exp_0001 to sweep_exp_0004" "${grid[@]}" --experiment_id sweep_exp_0005

[ $failures -eq 0 ] && echo "all passed"
exit $((failures > 0))
