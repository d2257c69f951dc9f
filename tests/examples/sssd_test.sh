#!/bin/bash
# The program sssd from the outside: exit codes, messages, files, resuming bit for bit, Ctrl-C.
#   sssd_test.sh PROGRAM
. "$(dirname "$0")/expect.sh"

# What may differ between two runs of the same numbers: times.
figures() { sed -E 's/"seconds":[^,}]*//g' "$1"; }
there() { for file in "$@"; do [ -s "$file" ] || fail "$file is not there"; done; }

# Data: loops of events, and two daily curves with a gap.
mkdir -p data/kernel_traces/loop/sequence_length_12
awk 'BEGIN { for (i = 0; i < 40; ++i) { s = ""; for (l = 0; l < 12; ++l) s = s (l ? "," : "") 1 + (i + l) % 5; print s } }' \
  >data/kernel_traces/loop/sequence_length_12/training
head -6 data/kernel_traces/loop/sequence_length_12/training >data/kernel_traces/loop/sequence_length_12/testing
awk 'BEGIN { print "date,a,b"; for (i = 0; i < 120; ++i) printf "d%d,%.4f,%.4f\n", i, sin(i / 4), 2 + cos(i / 4) }' >wave.csv
awk -F, -v OFS=, 'NR == 50 || NR == 51 { $2 = "" } NR == 90 { $3 = "nan" } { print }' wave.csv >gaps.csv
export LONGWAVE_DATA=$folder/data
small=(--num_res_layers 2 --res_channels 6 --skip_channels 6 --s4_d_state 4 --diffusion_step_embed_dim_in 8
  --diffusion_step_embed_dim_mid 8 --diffusion_step_embed_dim_out 8 --T 5 --beta_T 0.5 --batch_size 4 --lr 0.01)
loop=(--dataset loop --sequence_length 12 --missing_k 2 "${small[@]}")
wave=(--train_data_path wave.csv --sequence_length 24 --missing_k 4 "${small[@]}")
run=T5_beta00.0001_betaT0.5

echo "-- the command line (exit code 2)"
expect 2 "subcommand"
expect 2 "--no-such-option" train --no-such-option
expect 2 "expected an integer from 1" train --dataset loop --batch_size 0
expect 2 "one of rm, mnr, bm, forecast" train --dataset loop --masking some
expect 2 "no data: name a kernel trace" train
expect 2 "--checkpoint" impute
expect 2 "--generated" evaluate
expect 0 "--missing_k" train --help
expect 2 '--device: "gpu" is none of cpu, cuda, cuda:<number>' train --device gpu

echo "-- bad input (exit code 1)"
expect 1 "missing_k is 12 and sequences have length 12: the mask would observe nothing" train "${loop[@]}" --missing_k 12
expect 1 'holds no kernel trace "lop"; did you mean "loop"?' train --dataset lop
LONGWAVE_DATA='' expect 1 "--data or LONGWAVE_DATA" train "${loop[@]}"
expect 1 "holds no training sequences" train "${loop[@]}" --sequence_length 13 --data data
mkdir data/kernel_traces/short && cp data/kernel_traces/loop/*/t* data/kernel_traces/short
expect 1 "holds no sequence of 13 events" train "${loop[@]}" --dataset short --sequence_length 13
expect 1 "none.json" train -c none.json
echo '{"wavenet_config": {"res_chanels": 8}}' >bad.json
expect 1 'bad.json: unknown option "wavenet_config.res_chanels"; did you mean "wavenet_config.res_channels"' train -c bad.json
echo '{"wavenet_config": ' >bad.json
expect 1 "bad.json (offset" train -c bad.json
expect 1 "none.csv" train --train_data_path none.csv
printf 'a,b\n1,2\n3,x\n' >bad.csv
expect 1 "bad.csv: line 3, column 2 ('b'): 'x' is not a number" train --train_data_path bad.csv
printf 'a,b\n1,2\n3\n' >bad.csv
expect 1 "bad.csv: line 3 holds 1 cells, expected 2" train --train_data_path bad.csv
expect 1 "shorter than segment_length 500" train "${wave[@]}" --sequence_length 500
expect 1 "holds numbers" train "${wave[@]}" --model categorical
expect 1 "SSSD-SA" train "${loop[@]}" --use_model 1
expect 1 "in_channels is 3, the data have 1" train "${loop[@]}" --in_channels 3 --out_channels 3
mkdir empty
expect 1 "holds no checkpoint" impute --checkpoint empty
expect 1 "is not there" impute --checkpoint nowhere
echo "not a checkpoint" >broken.ckpt
expect 1 "broken.ckpt" impute --checkpoint broken.ckpt
[ -e checkpoints_sssd ] && fail "a run that could not start left a folder"

echo "-- training: what it writes, the same for any number of threads"
expect 0 "checkpoint: whole/loop/$run/9.ckpt" train "${loop[@]}" --n_iters 10 --iters_per_ckpt 4 --iters_per_logging 3 --output_dir whole
there whole/loop/$run/{4.ckpt,8.ckpt,9.ckpt,config.json,normalization.json,metrics.jsonl}
grep -q '"train_min": 1.0' whole/loop/$run/normalization.json || fail "normalization.json lacks train_min"
[ "$(grep -c '"kind":"iteration"' whole/loop/$run/metrics.jsonl)" -eq 4 ] || fail "iterations 0, 3, 6 and 9 are logged"
expect 0 "checkpoint" train "${loop[@]}" --n_iters 10 --iters_per_logging 3 --output_dir threads --threads 3
[ "$(figures whole/loop/$run/metrics.jsonl)" = "$(figures threads/loop/$run/metrics.jsonl)" ] || fail "3 threads: other numbers"

echo "-- going on from a checkpoint makes the numbers of a run that was never stopped"
expect 130 "stopped after iteration 5" train "${loop[@]}" --n_iters 10 --iters_per_logging 3 --output_dir part --stop-after 5
expect 0 "going on after iteration 5" train "${loop[@]}" --n_iters 10 --iters_per_logging 3 --output_dir part
[ "$(figures whole/loop/$run/metrics.jsonl)" = "$(figures part/loop/$run/metrics.jsonl)" ] || fail "resumed: other numbers"
expect 0 "all iterations are done" train "${loop[@]}" --n_iters 10 --output_dir part
expect 1 "checkpoints after iteration 5" train "${loop[@]}" --n_iters 12 --output_dir part --resume 5
expect 1 "no checkpoint of iteration 7" train "${loop[@]}" --n_iters 12 --output_dir part --resume 7
expect 0 "going on after iteration 5" train "${loop[@]}" --n_iters 8 --output_dir part --resume 5 --force
[ -e part/loop/$run/9.ckpt ] && fail "--resume 5 --force keeps a later checkpoint"
expect 1 "go on with them" train "${loop[@]}" --n_iters 10 --output_dir part --resume -1
expect 1 "belongs to another configuration: wavenet_config.res_channels is 6 in the checkpoint, 8 here" \
  train "${loop[@]}" --output_dir part --res_channels 8
expect 1 'expected max or the number' train "${loop[@]}" --resume newest
expect 0 "checkpoint: part" train "${loop[@]}" --n_iters 2 --output_dir part --res_channels 8 --force

expect 0 "checkpoint" train "${wave[@]}" --columns a --normalize minmax --n_iters 2 --output_dir tests
expect 0 "going on after iteration 1" train "${wave[@]}" --columns a --normalize minmax --n_iters 3 --output_dir tests \
  --test_rows 30:70
sed 's/,0\./,5./' wave.csv >other.csv && cp wave.csv before.csv && cp other.csv wave.csv
expect 1 "was trained on other data" train "${wave[@]}" --columns a --normalize minmax --n_iters 3 --output_dir tests
cp before.csv wave.csv
expect 1 "belongs to another configuration: trainset_config.train_rows" train "${wave[@]}" --columns a \
  --normalize minmax --n_iters 4 --output_dir tests --train_rows 0:60

all=("${wave[@]}" --guess seasonal --period 6 --prediction velocity --lr_schedule cosine --warmup 3 --clip 1 --ema 0.9
  --consistent_known --n_iters 10 --iters_per_logging 3)
expect 0 "checkpoint" train "${all[@]}" --output_dir all
expect 130 "stopped after iteration 5" train "${all[@]}" --output_dir half --stop-after 5
expect 0 "going on after iteration 5" train "${all[@]}" --output_dir half
[ "$(figures all/$run/metrics.jsonl)" = "$(figures half/$run/metrics.jsonl)" ] || fail "resumed with everything on: other numbers"
expect 0 "seasonal" impute --checkpoint all --output_dir all/out --samples 2
expect 0 "3 gaps in 120 rows filled" impute --checkpoint all --input gaps.csv --output_dir all/filled
grep -q '^d0,0,3$' all/filled/filled.csv || fail "with a guess: a value that was known has changed"
expect 1 "guess is for series" train "${loop[@]}" --guess linear

echo "-- Ctrl-C writes a checkpoint and leaves with 130"
# (a shell starts background programs with SIGINT ignored; env restores it)
env --default-signal=INT "$program" train "${loop[@]}" --n_iters 10000000 --output_dir ctrl >out.txt 2>&1 &
pid=$!
for _ in $(seq 100); do
  grep -qs '"step":100,' ctrl/loop/$run/metrics.jsonl && break
  sleep 0.1
done
kill -INT $pid
wait $pid
code=$?
[ $code -eq 130 ] || fail "exit code $code after Ctrl-C, expected 130"
grep -q "the same command goes on" out.txt || fail "Ctrl-C: no word on how to go on"

echo "-- imputing events: scores with baselines, the official files, the user's own gaps"
for model in s4 categorical; do
  expect 0 "checkpoint" train "${loop[@]}" --model $model --n_iters 40 --iters_per_ckpt 20 --output_dir $model
  expect 0 "majority" impute --checkpoint $model --masking block --missing_k 3 --output_dir $model/out -n 4
  there $model/out/{imputation,original,mask}{0,1}.npy $model/out/metrics.json $model/out/report.html
  grep -q '"perfect_rate"' $model/out/metrics.json || fail "metrics.json lacks perfect_rate"
  expect 1 "--force" impute --checkpoint $model --masking block --missing_k 3 --output_dir $model/out
  printf '1,2,0,4,5,1,2,3,4,0,1,2\n' >mine.txt
  expect 0 "1 sequences filled" impute --checkpoint $model --checkpoint_iter 20 --input mine.txt --output_dir $model/mine
  grep -Eqx '1,2,[1-5],4,5,1,2,3,4,[1-5],1,2' $model/mine/filled.txt || fail "what was known in mine.txt has changed"
done
expect 1 "the mask would observe nothing" impute --checkpoint s4 --missing_k 12 --output_dir x
printf '1,2,0,77,5,1,2,3,4,0,1,2\n' >mine.txt
expect 1 "event 77 is outside the trained vocabulary" impute --checkpoint s4 --input mine.txt --output_dir x
printf '1,2,0\n' >mine.txt
expect 1 "sequence 1 has 3 events, expected 12" impute --checkpoint s4 --input mine.txt --output_dir x
printf '1,2,3,4,5,1,2,3,4,5,1,2\n0,0,0,0,0,0,0,0,0,0,0,0\n' >mine.txt
expect 1 "sequence 2: nothing is known" impute --checkpoint s4 --input mine.txt --output_dir x
printf '1,2,3,4,5,1,2,3,4,5,1,2\n1,2,a\n' >mine.txt
expect 1 "line 2, column 3: 'a' is not an event id" impute --checkpoint s4 --input mine.txt --output_dir x
expect 1 "no checkpoint of iteration 21" impute --checkpoint s4 --checkpoint_iter 21 --output_dir x

echo "-- generating, evaluating"
expect 0 "train with --uncond_prob" generate --checkpoint s4 --num_samples 5 --seq_len 9 --output_dir made
there made/generated_traces.txt made/generated_traces.npy made/metadata.json
[ "$(grep -Ecx '[1-5](,[1-5]){8}' made/generated_traces.txt)" -eq 5 ] || fail "not 5 traces of 9 events"
expect 1 "--force" generate --checkpoint s4 --num_samples 5 --output_dir made
expect 0 "scores: made/scores.json" evaluate --generated made/generated_traces.txt \
  --real data/kernel_traces/loop/sequence_length_12/testing --output made/scores.json
grep -q '"kl_divergence"' made/scores.json || fail "scores.json lacks kl_divergence"
expect 1 "none.txt" evaluate --generated none.txt --real none.txt

echo "-- series: csv with gaps, a forecast, scores"
for model in s4d diffwave; do
  expect 0 "checkpoint" train "${wave[@]}" --model $model --n_iters 10 --output_dir $model
done
expect 0 "linear" impute --checkpoint s4d --output_dir s4d/out --samples 3
there s4d/out/{imputation0.npy,samples0.npy,metrics.json,report.html}
expect 0 "3 gaps in 120 rows filled" impute --checkpoint diffwave --input gaps.csv --samples 3 --output_dir filled
[ "$(wc -l <filled/gaps.csv)" -eq 4 ] || fail "gaps.csv: not a line for each gap"
grep -q ',,' filled/filled.csv && fail "filled.csv still has a gap"
grep -q '^d0,0,3$' filled/filled.csv || fail "filled.csv: a value that was known has changed"
expect 0 "seasonal" forecast --checkpoint s4d --horizon 6 --output_dir ahead --sampler ddim --steps 3
expect 0 "6 rows after the last" forecast --checkpoint s4d --horizon 6 --input wave.csv --output_dir ahead2
[ "$(wc -l <ahead2/forecast.csv)" -eq 7 ] || fail "forecast.csv: not 6 rows"
expect 1 "the mask would observe nothing" forecast --checkpoint s4d --horizon 24 --output_dir x
head -9 wave.csv >short.csv
expect 1 "holds 8 rows, shorter than the 24" impute --checkpoint s4d --input short.csv --output_dir x
expect 1 "holds 8 rows, shorter than the 18" forecast --checkpoint s4d --horizon 6 --input short.csv --output_dir x
cut -d, -f1,2 wave.csv >less.csv
expect 1 "names no column 'b'" impute --checkpoint s4d --input less.csv --output_dir x
awk -F, -v OFS=, 'NR > 24 && NR < 52 { $2 = $3 = "" } { print }' wave.csv >nothing.csv
expect 1 "nothing is known" impute --checkpoint s4d --input nothing.csv --output_dir x
expect 2 "trained with 5 diffusion steps" impute --checkpoint s4d --steps 9 --output_dir x
[ -e x ] && fail "a command that failed left its folder"

echo "-- samplers side by side"
expect 0 "seeds 0 to 1" samplers --checkpoint whole --masking block --missing_k 2 --draws 2 --output samplers.json \
  --try ddpm --try ddim:steps=3,eta=0.5,spacing=log_snr --try dpm++:steps=4,spacing=quadratic,known=trained --try dpm++sde:steps=4,clip=0/1
[ "$(grep -c '"accuracy":' samplers.json)" = 4 ] || fail "samplers.json lacks a sampler"
expect 1 "samplers.json" samplers --checkpoint whole --output samplers.json --try ddpm
expect 2 '"stepz" is not one of steps, eta, spacing, known, clip' samplers --checkpoint whole --try ddim:stepz=3
expect 2 '"dim" is not one of ddpm, ddim, dpm++, dpm++sde' samplers --checkpoint whole --try dim
expect 2 "was trained with 5 diffusion steps" samplers --checkpoint whole --try ddim:steps=6
expect 2 "--block_start is for --masking block" impute --checkpoint whole --block_start 2
expect 2 "ends after the sequences" impute --checkpoint whole --masking block --block_start 11

echo "-- an official configuration file, unchanged"
cat >official.json <<'JSON'
{
    "diffusion_config": {"T": 5, "beta_0": 0.0001, "beta_T": 0.5},
    "wavenet_config": {"in_channels": 2, "out_channels": 2, "num_res_layers": 2, "res_channels": 6, "skip_channels": 6,
        "diffusion_step_embed_dim_in": 8, "diffusion_step_embed_dim_mid": 8, "diffusion_step_embed_dim_out": 8,
        "s4_lmax": 24, "s4_d_state": 4, "s4_dropout": 0.0, "s4_bidirectional": 1, "s4_layernorm": 1},
    "train_config": {"output_directory": "./results/wave", "ckpt_iter": "max", "iters_per_ckpt": 3,
        "iters_per_logging": 5, "n_iters": 10, "learning_rate": 2e-4, "only_generate_missing": 1, "use_model": 2,
        "masking": "mnr", "missing_k": 4},
    "trainset_config": {"train_data_path": "./wave.csv", "test_data_path": "./wave.csv", "segment_length": 24,
        "sampling_rate": 24},
    "gen_config": {"output_directory": "./results/wave", "ckpt_path": "./results/wave/"}
}
JSON
expect 0 "checkpoint: ./results/wave/$run/9.ckpt" train -c official.json
expect 0 "Total MSE" impute -c official.json -ckpt_iter 6 -n 500
there results/wave/$run/{imputation0.npy,original0.npy,mask0.npy}

echo "-- devices"
if "$program" train "${loop[@]}" --n_iters 2 --output_dir cuda --device cuda >out.txt 2>&1; then
  expect 2 "--device cuda:99: this machine has" train "${loop[@]}" --output_dir x --device cuda:99
  for model in s4 s4d diffwave categorical; do
    for name in one two; do
      expect 0 "checkpoint" train "${loop[@]}" --model $model --n_iters 10 --iters_per_logging 3 --output_dir $name$model --device cuda
    done
    [ "$(figures one$model/loop/$run/metrics.jsonl)" = "$(figures two$model/loop/$run/metrics.jsonl)" ] || fail "cuda, $model: two runs differ"
    expect 0 "going on after iteration 9" train "${loop[@]}" --model $model --n_iters 12 --output_dir one$model
    expect 0 "majority" impute --checkpoint two$model --output_dir two$model/out --device cuda
  done
else
  expect 2 "--device cuda" train "${loop[@]}" --output_dir x --device cuda
  [ "$(wc -l <out.txt)" -eq 1 ] || fail "no device: more than one line"
  expect 2 "--device cuda" impute --checkpoint s4 --output_dir x --device cuda:1
fi

[ $failures -eq 0 ] && echo "all passed" || echo "$failures failed"
exit $((failures > 0))
