#!/bin/bash
# The program long_sequence from the outside: exit codes, messages, resuming bit for bit, Ctrl-C, a full disk.
#   long_sequence_test.sh PROGRAM
table=$(realpath "$(dirname "$0")/../../examples/long_sequence/table.sh")
. "$(dirname "$0")/expect.sh"

same() { cmp -s "$1" "$2" || fail "$3: $1 and $2 differ"; }
tiny=(--set model.d_model=8 model.d_state=4 model.n_layers=1 dataset.limit=300 dataset.limit_test=50
  loader.batch=20 trainer.epochs=3 trainer.log_every=1 optimizer.ema=0.9)
# What may differ between two runs of the same numbers: times.
figures() { sed -E 's/"(samples_per_second|seconds)":[^,}]*//g' "$1"; }

echo "-- the command line (exit code 2)"
expect 2 "subcommand"
expect 2 "--no-such-option" train --no-such-option
expect 2 "NAME=VALUE" train --set model.d_model
expect 2 'did you mean "model.d_model"' train --set model.d_modle=3
expect 2 "expected an integer from 1" train --model.d_model 0
expect 2 "one of mnist1d, smnist, pmnist, cifar, listops" train --dataset.name mnist
expect 2 "checkpoint" evaluate
expect 2 "--count: 0, expected a number above 0" generate x --count 0
expect 2 "--resume needs the folder" train --resume
expect 0 "--model.d_model" train --help

echo "-- bad input (exit code 1)"
echo '{"model": {"d_modle": 8}}' >config.json
expect 1 'config.json: unknown option "model.d_modle"; did you mean "model.d_model"' train --config config.json
grep -q "model.n_layers" out.txt || fail "the valid names are not listed"
echo '{"model": {"d_model": "8"}}' >config.json
expect 1 'model.d_model is "8", expected an integer' train --config config.json
echo '{"model": ' >config.json
expect 1 "config.json (offset" train --config config.json
expect 1 "none.json" train --config none.json
expect 1 "nowhere" train --data nowhere --out a
LONGWAVE_DATA= expect 1 "LONGWAVE_DATA" train --dataset.name smnist --out a --dataset.folder ""
expect 1 "even number" train --set model.d_state=3 --out a
expect 1 "model.d_state is an option of model.layer = s4d, s4_diag, s4 and dss, not of lstm" train \
  --set model.layer=lstm model.d_state=4 --out a
expect 1 "model.rank is an option of model.layer = s4, not of dss" info --set model.layer=dss model.rank=2
expect 1 "trainer.precision = bf16 is for training on a GPU: add --device cuda" train "${tiny[@]}" \
  --set trainer.precision=bf16 --out a
expect 1 "model.layer = lstm has no form for it" train --set trainer.precision=bf16 model.layer=lstm --out a
expect 2 "one of float32, bf16" train --set trainer.precision=fp16
expect 1 "none.safetensors" evaluate none.safetensors
expect 1 "none.safetensors" info none.safetensors
echo "not a checkpoint" >broken.safetensors
expect 1 "broken.safetensors" evaluate broken.safetensors
expect 1 "not a regular file" train --config /dev/null
[ -e a/checkpoint.safetensors ] && fail "a run that could not start left a checkpoint"

echo "-- a whole run"
LONGWAVE_DATA='' expect 0 "test accuracy" train "${tiny[@]}" --out whole
grep -q "checkpoint: whole/checkpoint.safetensors" out.txt || fail "the checkpoint's place is not told"
[ "$(grep -c '"kind":"epoch"' whole/metrics.jsonl)" -eq 3 ] || fail "three epochs make three lines of metrics"
[ "$(grep -c '"kind":"step"' whole/metrics.jsonl)" -eq 45 ] || fail "45 steps make 45 lines of metrics"
ls whole/tensorboard/events.out.tfevents.* >/dev/null 2>&1 || fail "no TensorBoard events"
expect 1 "holds a run already" train "${tiny[@]}" --out whole
expect 0 "test accuracy" evaluate whole
grep -q "report: whole/report.html" out.txt || fail "the report's place is not told"
grep -q "</html>" whole/report.html || fail "the report is not whole"
expect 0 "same prediction as in a batch: 50 of 50" stream whole --count 50
expect 0 "model.layers.0.layer.kernel.log_dt" info whole
expect 0 "model.layers.0.layer.kernel.log_dt" info "${tiny[@]}"
LONGWAVE_DATA='' expect 0 "35 outputs" info --set dataset.name=speech
LONGWAVE_DATA='' expect 1 "LONGWAVE_DATA" info --set dataset.name=text
expect 1 "none" evaluate whole --data none
"$program" evaluate whole 2>/dev/null | grep '^test ' >with.txt
mkdir test_part
cp "${LONGWAVE_EXAMPLE_DATA:-$(dirname "$0")/../../examples/data}"/mnist1d/*_test.npy test_part
expect 0 "test accuracy" evaluate whole --data test_part
grep '^test ' out.txt | cmp -s - with.txt || fail "without the training part: another score"
expect 0 "same prediction as in a batch: 50 of 50" stream whole --data test_part --count 50
expect 1 "x.npy" train "${tiny[@]}" --data test_part --out a

echo "-- the same numbers for any number of threads"
expect 0 "test accuracy" train "${tiny[@]}" --out threads --trainer.threads 3
[ "$(figures whole/metrics.jsonl)" = "$(figures threads/metrics.jsonl)" ] || fail "the default and 3 threads differ"

echo "-- a run that goes on from a checkpoint makes the numbers of one that was never interrupted"
for stop in 7 15 29; do
  expect 130 "stopped after step $stop" train "${tiny[@]}" --out part$stop --stop-after $stop
  expect 0 "test accuracy" train --resume part$stop
  [ "$(figures whole/metrics.jsonl)" = "$(figures part$stop/metrics.jsonl)" ] || fail "resumed after step $stop: other numbers"
done
expect 2 "cannot change in a resumed run" train --resume part7 --model.d_model 16
expect 2 "leave out one of the two" train --resume part7 --config config.json

echo "-- --continue goes on, leaves what is done, and mixes no two configurations"
expect 130 "stopped" train "${tiny[@]}" --out kept --continue --stop-after 20
expect 0 "test accuracy" train "${tiny[@]}" --out kept --continue
[ "$(figures whole/metrics.jsonl)" = "$(figures kept/metrics.jsonl)" ] || fail "--continue: other numbers"
expect 0 "kept is done: test accuracy" train "${tiny[@]}" --out kept --continue
expect 1 "optimizer.ema is 0.9 there, 0.5 here" train "${tiny[@]}" --out kept --continue --optimizer.ema 0.5
expect 1 "trainer.epochs is 3 there, 4 here" train "${tiny[@]}" --out kept --continue --trainer.epochs 4
expect 2 "leave out --resume and --overwrite" train --out kept --continue --overwrite

echo "-- a table of runs"
printf '# name preset options\none ../kept/config.json model.d_model=4\ntwo ../kept/config.json\n' >kept/rows.txt
mkdir tables && mv kept/rows.txt tables
tabled() { SEEDS="0 1" JOBS=2 RATES=2 "$table" "$program" tables/rows.txt tabled "$@" >out.txt 2>&1; }
tabled || fail "table.sh: exit code $?"
grep -q '^| run | parameters | epochs | s per epoch | test | one of 2 samples |$' out.txt || fail "the table's head"
[ "$(grep -c '^| \(one\|two\) |.* 3 |.* % +- .*(2) |.* % +- .*(2) |$' out.txt)" -eq 2 ] || fail "two rows of two seeds"
cp out.txt first.txt
tabled || fail "table.sh, again: exit code $?"
same out.txt first.txt "a table that is there already"
tabled --optimizer.ema 0.5 && fail "table.sh with other options: exit code 0"
grep -q "4 of 4 runs failed" out.txt || fail "table.sh does not say that runs failed"
expect 1 "test.jsonl" table tables
expect 0 "| kept | " table kept

echo "-- every kind of layer, task and item"
narrow=(--set model.d_model=8 model.n_layers=1 trainer.epochs=1 loader.batch=10 dataset.limit_test=20)
small=("${narrow[@]}" model.d_state=4)
for layer in s4 s4_diag dss lstm gru conv; do
  size=(model.d_state=4)
  case $layer in lstm | gru | conv) size=() ;; esac
  expect 0 "test accuracy" train "${narrow[@]}" "${size[@]}" model.layer=$layer dataset.limit=100 --out layer_$layer
  expect 0 "same prediction as in a batch: 20 of 20" stream layer_$layer --count 20
done
expect 0 "test accuracy" train "${small[@]}" --set model.layer=s4 model.bidirectional=true dataset.limit=100 --out both
expect 1 "looks ahead" stream both
expect 0 "mean error" train "${small[@]}" --set dataset.name=adding dataset.length=20 dataset.items=60 --out adding
expect 0 "mean error" train "${small[@]}" --set dataset.name=adding dataset.length=20 dataset.items=60 task.loss=huber --out huber
expect 0 "mean error" evaluate adding
expect 0 "mean error" train "${small[@]}" --set dataset.name=delay dataset.length=40 dataset.items=60 --out delay
expect 0 "mean error" train "${small[@]}" --set dataset.name=reconstruct dataset.length=40 dataset.items=60 --out reconstruct
expect 0 "test accuracy" train "${small[@]}" --set dataset.name=copying dataset.length=20 dataset.items=60 --out copying
LONGWAVE_DATA='' expect 0 "length up to" train "${small[@]}" --set dataset.name=listops dataset.length=100 \
  dataset.items=100 loader.buckets=2 loader.pad_to_bound=true dataset.fresh=true dataset.validation=0.1 --out listops
[ -e listops/best.safetensors ] || fail "a validation part chooses no best checkpoint"
expect 0 "test accuracy" train "${small[@]}" --set dataset.name=pathfinder dataset.items=40 loader.batch=4 --out pathfinder
seq 2000 >numbers.txt
expect 0 "test accuracy" train "${small[@]}" --set dataset.name=bytes dataset.folder=numbers.txt dataset.length=40 \
  decoder.pool=last --out bytes
expect 0 "a second" generate bytes --prefix "12" --length 30 --count 2 --out text
[ "$(head -c 2 text/sample_0.txt)" = 12 ] && [ "$(wc -c <text/sample_1.txt)" -eq 32 ] || fail "the text that was generated"
expect 1 "no network of the next byte" generate whole
expect 0 "rate 2" evaluate whole --subsample 2

echo "-- what a layer can do besides, pools, windows that hand on their state"
for options in "model.layer=s4_diag model.disc=bilinear model.gate=1 model.gate_act=silu model.bottleneck=2" \
  "model.layer=s4_diag model.disc=dss model.B_init=alternating model.normalize=true" \
  "model.layer=s4 model.B_clip=none model.bandlimit=0.5 model.hyper_act=sigmoid model.channels=2" \
  "model.layer=dss model.separate_dt=false model.mult_act=tanh model.feed_forward=2" \
  "model.pool=linear model.pool_stride=2 model.pool_expand=2 model.n_repeat=2 optimizer.decay_all=false" \
  "model.layer=conv model.pool=average scheduler.steps=3 scheduler.periodic=true"; do
  state=model.d_state=4
  [[ $options == model.layer=conv* ]] && state=model.dropout=0
  expect 0 "test accuracy" train "${narrow[@]}" --set $state dataset.limit=40 $options --out layers --overwrite
  expect 0 "test accuracy" evaluate layers
  grep -q "among the first five" out.txt || fail "no share of labels among the first five"
done
expect 0 "test accuracy" train "${small[@]}" --set model.layer=s4 dataset.limit=40 --out layers --overwrite
for mode in linear dense diagonal; do
  expect 0 "same prediction as in a batch: 20 of 20" stream layers --count 20 --mode $mode
done
expect 1 "model.gate_act says nothing without model.gate" train --set model.gate_act=silu --out a
expect 1 "expected a multiple of model.pool_stride = 3" train --set model.pool=linear model.pool_stride=3 --out a
expect 1 "have lengths of their own" info --set dataset.name=listops model.pool=sample
expect 2 "one of zoh, bilinear, dss" train --set model.layer=s4_diag model.disc=euler
for state in "tbptt" "reset trainer.context=1" "bptt trainer.context=1"; do
  expect 0 "bits per token" train "${small[@]}" --set dataset.name=bytes dataset.folder=numbers.txt dataset.length=40 \
    decoder.pool=last trainer.state=$state --out state --overwrite
  expect 0 "perplexity" evaluate state
done
grep -q '"bits":' state/test.jsonl || fail "test.jsonl lacks the bits per token"
expect 1 "do not follow one another" train --set trainer.state=tbptt --out a
expect 0 "test accuracy" train "${small[@]}" --set dataset.limit=100 dataset.validation=0.2 trainer.epochs=3 \
  trainer.keep_best=2 --out several
[ "$(ls several/best | wc -l)" -eq 2 ] || fail "the two best checkpoints: $(ls several/best)"
expect 0 "test accuracy" evaluate "several/best/$(ls several/best | head -1)"

echo "-- weights as state dicts of the S4 and DSS repositories, and back"
scores() { "$program" evaluate "$1" 2>&1 | grep '^test '; }
expect 0 "names of a training run" convert --from threads --to weights.safetensors
expect 1 "is there already" convert --from threads --to weights.safetensors
expect 2 "brings its options along" convert --from threads --to other.safetensors --model.d_model 8
again=(convert --config threads/config.json --from)
expect 0 "checkpoint: again/checkpoint.safetensors" "${again[@]}" weights.safetensors --to again
expect 1 "is there already" "${again[@]}" weights.safetensors --to again
[ -n "$(scores again)" ] && [ "$(scores again)" = "$(scores threads)" ] || fail "there and back: $(scores again)"
expect 0 "names of example.py" convert --from again --to example.safetensors --names example
expect 0 "names of example.py" "${again[@]}" example.safetensors --to again.ckpt
expect 0 "state dict" convert --from again.ckpt --to second.safetensors
same weights.safetensors second.safetensors "by way of example.py's names"
expect 0 "after 3 epochs" train --resume again
expect 0 "checkpoint" "${again[@]}" weights.safetensors --to again --force
[ "$(scores again)" = "$(scores threads)" ] || fail "--force does not replace the run"
for layer in s4 s4_diag dss; do
  expect 0 "state dict" convert --from layer_$layer --to $layer.safetensors
  expect 0 "checkpoint" convert --config layer_$layer/config.json --from $layer.safetensors --to back_$layer
  [ "$(scores back_$layer)" = "$(scores layer_$layer)" ] || fail "$layer there and back"
done
expect 1 "example.py's model has S4D layers" convert --from layer_s4 --to other.safetensors --names example
expect 1 "nothing was loaded" "${again[@]}" weights.safetensors --to other --model.d_model 12 --model.n_layers 2
grep -q "missing: model.layers.1.layer.D (12)" out.txt || fail "what is missing is not listed"
[ "$(grep -c 'differs: ' out.txt)" -ge 8 ] || fail "what differs is not listed"
expect 1 "begins with" "${again[@]}" weights.safetensors --to other --prefix module.
printf 'PK\003\004' >pickle.ckpt
expect 1 "a file of torch.save" "${again[@]}" pickle.ckpt --to other
[ -e other ] || [ -e other.safetensors ] && fail "a conversion that failed left something"

echo "-- gradients of two passes make the step of one"
expect 0 "test accuracy" train "${tiny[@]}" --set model.dropout=0 loader.batch=20 --out once
expect 0 "test accuracy" train "${tiny[@]}" --set model.dropout=0 loader.batch=10 trainer.accumulate=2 --out twice
[ "$(grep -c '"kind":"step"' once/metrics.jsonl)" -eq "$(grep -c '"kind":"step"' twice/metrics.jsonl)" ] ||
  fail "accumulated: another number of steps"

echo "-- Ctrl-C writes a checkpoint and leaves with 130"
# (a shell starts background programs with SIGINT ignored; env restores it)
env --default-signal=INT "$program" train "${tiny[@]}" --trainer.epochs 100000 --out ctrl >out.txt 2>&1 &
pid=$!
for _ in $(seq 100); do
  grep -qs '"kind":"epoch"' ctrl/metrics.jsonl && break
  sleep 0.1
done
kill -INT $pid
wait $pid
code=$?
[ $code -eq 130 ] || fail "exit code $code after Ctrl-C, expected 130"
grep -q "train --resume ctrl" out.txt || fail "Ctrl-C: no word on how to go on"
expect 0 "epoch" info ctrl

echo "-- a full disk keeps the checkpoint before it"
expect 130 "stopped" train "${tiny[@]}" --out full --stop-after 20
cp full/checkpoint.safetensors before.safetensors
(
  ulimit -f 4 # blocks of 1 KiB: the metrics fit, the checkpoint does not
  "$program" train --resume full --trainer.log_every 0 >out.txt 2>&1
)
code=$?
[ $code -eq 1 ] || fail "exit code $code on a full disk, expected 1"
grep -q "limit on file sizes" out.txt || fail "a full disk: the message does not say so"
same full/checkpoint.safetensors before.safetensors "a full disk"
[ -z "$(find full -name '*.tmp-*')" ] || fail "a full disk: the temporary file is still there"
expect 0 "test accuracy" train --resume full

echo "-- a damaged checkpoint: the one before it is used, and the program says so"
printf 'x' | dd of=whole/checkpoint.safetensors bs=1 seek=1000 conv=notrunc 2>/dev/null
expect 0 "previous checkpoint" evaluate whole
truncate -s 500 whole/checkpoint.safetensors.previous
expect 1 "checkpoint.safetensors" evaluate whole

echo "-- devices"
expect 2 '--device: "gpu" is none of cpu, cuda, cuda:<number>' train --device gpu
expect 0 "test accuracy" train "${tiny[@]}" --device cpu --out cpu
[ "$(figures cpu/metrics.jsonl)" = "$(figures threads/metrics.jsonl)" ] || fail "--device cpu is not the default"
if "$program" info --device cuda >out.txt 2>&1; then
  expect 2 "--device cuda:99: this machine has" info --device cuda:99
  for run in cuda again; do expect 0 "test accuracy" train "${tiny[@]}" --device cuda --out $run; done
  [ "$(figures cuda/metrics.jsonl)" = "$(figures again/metrics.jsonl)" ] || fail "cuda: two runs differ"
  for stop in 7 15; do
    expect 130 "stopped after step $stop" train "${tiny[@]}" --device cuda --out cuda$stop --stop-after $stop
    expect 0 "test accuracy" train --device cuda --resume cuda$stop
    [ "$(figures cuda/metrics.jsonl)" = "$(figures cuda$stop/metrics.jsonl)" ] || fail "cuda, resumed after step $stop: other numbers"
  done
  expect 130 "stopped after step 20" train "${tiny[@]}" --device cuda --out there --stop-after 20
  expect 0 "test accuracy" train --resume there
  expect 130 "stopped after step 20" train "${tiny[@]}" --out back --stop-after 20
  expect 0 "test accuracy" train --device cuda --resume back
  expect 0 "test accuracy" evaluate cuda --device cuda
  for run in parts parts2; do
    expect 0 "test accuracy" train "${tiny[@]}" --device cuda --set loader.batch=5 trainer.accumulate=4 --out $run
  done
  [ "$(figures parts/metrics.jsonl)" = "$(figures parts2/metrics.jsonl)" ] || fail "cuda, accumulated: two runs differ"
  for run in bf16 bf16_2; do
    expect 0 "test accuracy" train "${tiny[@]}" --device cuda --set trainer.precision=bf16 --out $run
  done
  [ "$(figures bf16/metrics.jsonl)" = "$(figures bf16_2/metrics.jsonl)" ] || fail "cuda, bf16: two runs differ"
  expect 0 "test accuracy" evaluate bf16
  expect 0 "same prediction as in a batch: 50 of 50" stream cuda --count 50 --device cuda
else
  expect 2 "--device cuda" train --device cuda
  [ "$(wc -l <out.txt)" -eq 1 ] || fail "no device: more than one line"
  expect 2 "--device cuda" evaluate cpu --device cuda:1
fi

[ $failures -eq 0 ] && echo "all passed" || echo "$failures failed"
exit $((failures > 0))
