#!/bin/bash
# The program trace_gan from the outside: exit codes, messages, the exact lines and files, resuming a search, Ctrl-C.
#   trace_gan_test.sh PROGRAM
. "$(dirname "$0")/expect.sh"

for i in $(seq 0 199); do
  echo "$i $((i * i * 100)).5 42 $((512 * (1 + i % 7))) $(((i * 7919) % 1000 * 8)) $((100 + i % 13)).25"
done >trace.txt
tiny=(--trace_path trace.txt --hidden_dim 8 --latent_dim 4 --num_epochs 3 --batch_size 8 --save_dir models)

echo "-- the command line (exit code 2)"
expect 2 "subcommand"
expect 2 "--no-such-option" train --no-such-option
expect 2 "--trace_path is needed" train
expect 2 "expected an integer from 1" train "${tiny[@]}" --seq_len 0
expect 2 "expected an integer from 0 to 1e" train "${tiny[@]}" --num_entries 1000000000000
expect 2 "one of off, normal, adv, eq" train "${tiny[@]}" --early_stop now
expect 2 "one of last, best_mmd" train "${tiny[@]}" --keep worst
expect 2 "multiple of 512" train "${tiny[@]}" --align 100
expect 2 "one name or four" train "${tiny[@]}" --transform log,log
expect 2 "model" generate
expect 2 "original" mmd
expect 2 "--max_rows: -1, expected a number of 0 or more" mmd a b --max_rows -1
expect 2 "--num_epochs: 0, expected a number above 0" tune --num_epochs 0
expect 2 "--trace-name or" tune
expect 0 "--trace_path" train --help
expect 2 '--device: "gpu" is none of cpu, cuda, cuda:<number>' train --device gpu

echo "-- bad input (exit code 1)"
expect 1 "none.txt" train "${tiny[@]}" --trace_path none.txt
printf 'a b\n1 2 3\n' >words.txt
expect 1 "holds no request: 2 lines with too few fields (first: line 1)" train "${tiny[@]}" --trace_path words.txt
: >empty.txt
expect 1 "holds no line" train "${tiny[@]}" --trace_path empty.txt
head -1 trace.txt >one.txt
expect 1 "holds 1 row, a chunk takes 12; lower --seq_len" train "${tiny[@]}" --trace_path one.txt
head -12 trace.txt >chunk.txt
expect 1 "holds out 1 of the 1 chunks and leaves none" train "${tiny[@]}" --trace_path chunk.txt --keep best_mmd
sed 's/ [0-9.]*$/ nan/' trace.txt >nan.txt
expect 1 "200 lines with NaN or infinity" train "${tiny[@]}" --trace_path nan.txt
expect 1 "sqrt" train "${tiny[@]}" --transform sqrt
expect 1 "none" generate none
expect 1 "at least two" mmd one.txt trace.txt
echo '{"seq_lne": 3}' >config.json
expect 1 'did you mean "seq_len"' train "${tiny[@]}" --config config.json
[ -e models ] && fail "a run that could not start left a folder"

echo "-- a whole run"
(head -100 trace.txt; echo short; echo "x y z a b c"; tail -100 trace.txt) >mixed.txt
"$program" train "${tiny[@]}" --trace_path mixed.txt >lines.txt 2>out.txt || fail "training failed"
grep -q "left out of 202 lines: 1 line with too few fields (first: line 101), 1 line with a word" out.txt || fail "lines left out are not told"
[ "$(grep -cE '^\[Epoch [1-3]/3\] D Loss: [0-9]+\.[0-9]{4} \| G Loss: [0-9]+\.[0-9]{4}$' lines.txt)" -eq 3 ] || fail "the epochs' lines"
[ "$(wc -l <lines.txt)" -eq 3 ] || fail "more than the epochs' lines on stdout"
[ "$(wc -l <synth.txt)" -eq 200 ] || fail "as many rows as were learnt from"
grep -qvE '^-?[0-9]+ [0-9]+ [0-9]+ [0-9]+$' synth.txt && fail "a row that is not four whole numbers"
for part in generator discriminator scaler; do [ -s models/model_$part.safetensors ] || fail "no $part"; done
expect 2 "is there already; --force replaces it" train "${tiny[@]}"
expect 0 "model:" train "${tiny[@]}" --trace_path mixed.txt --force --quiet --output_synth again.txt --threads 2
cmp -s synth.txt again.txt || fail "the same seed and another number of threads: other rows"
expect 0 "left out" train "${tiny[@]}" --trace_path mixed.txt --max_lines 110 --save_prefix part --output_synth part.txt
[ "$(wc -l <part.txt)" -eq 108 ] || fail "max_lines counts raw lines"

echo "-- generating"
expect 0 "500 rows" generate models/model --num_entries 500 --out more.txt --sort_time --align 4096
[ "$(wc -l <more.txt)" -eq 500 ] || fail "500 rows"
cut -d' ' -f1 more.txt | sort -nc || fail "times are not sorted"
awk '$2 % 4096 || $3 % 8 {bad = 1} END {exit bad}' more.txt || fail "not aligned"
expect 2 "more.txt is there already" generate models/model --out more.txt
cp models/part_scaler.safetensors models/model_scaler.safetensors
expect 1 "is not the scaler that this generator was trained with" generate models/model --out x.txt
head -c 300 models/part_generator.safetensors >models/cut_generator.safetensors
expect 1 "models/cut_generator.safetensors" generate models/cut --out x.txt

echo "-- variants"
expect 0 "model:" train "${tiny[@]}" --save_prefix best --output_synth best.txt --transform quantile,quantile,log,log --inter_arrival --mmd_weight 2 --generator_ema 0.9
cut -d' ' -f1 best.txt | sort -nc || fail "times from gaps go back"
expect 0 "against 24 rows" train "${tiny[@]}" --save_prefix kept --output_synth kept.txt --keep best_mmd --keep_every 2 --num_epochs 5 --generator_ema 0.9
[ "$(grep -c '"kind":"score"' models/kept_losses.jsonl)" -eq 3 ] || fail "epochs 2, 4 and 5 are compared"
expect 0 "against 192 rows" train "${tiny[@]}" --save_prefix all --output_synth none --keep best_mmd --hold_out 0
expect 0 "report: kept.html" report trace.txt kept.txt --model models/kept --out kept.html
awk '{$4 = 4096; print}' trace.txt >constant.txt
expect 0 "column length is constant: 4096" train "${tiny[@]}" --trace_path constant.txt --save_prefix c --output_synth c.txt
[ "$(cut -d' ' -f2 c.txt | sort -u)" = 4096 ] || fail "a constant column changes"
expect 0 "model:" train "${tiny[@]}" --save_prefix none --output_synth none
[ -e none ] && fail "a synthetic trace though none was wanted"

echo "-- comparing"
expect 0 "ceiling: N(0,1)" mmd trace.txt synth.txt --permutations 19 --fourier 64 --curves curves.csv
grep -q "permutation test             p " out.txt || fail "no p-value"
[ "$(wc -l <curves.csv)" -eq 401 ] || fail "curves.csv"
expect 0 "MMD " mmd trace.txt synth.txt --protocol p3 --columns lba,latency --float
expect 1 'no column "size"' mmd trace.txt synth.txt --columns size
expect 0 "report: r.html" report trace.txt synth.txt --model models/model --out r.html
grep -q "</html>" r.html || fail "the report is not whole"
expect 2 "r.html is there already" report trace.txt synth.txt --out r.html

echo "-- a search that goes on"
search=(tune --trace_path trace.txt --num_epochs 1 --jobs 2 --storage s.jsonl)
expect 0 "Pareto set of 3 trials" "${search[@]}" --n-trials 3
expect 0 "going on after 3 trials" "${search[@]}" --n-trials 5
[ "$(wc -l <s.jsonl)" -eq 6 ] || fail "a line per trial"
expect 1 "is another study" "${search[@]}" --n-trials 6 --target 2ln2
expect 0 "trial 0 failed: trace_gan:" tune --trace_path one.txt --n-trials 1 --storage f.jsonl
ls -d s.jsonl.trials-* >/dev/null 2>&1 && fail "trials left their files"
expect 1 "no such trace" tune --trace-name w44

echo "-- a trace of this machine"
expect 0 "requests in" record --out mine.txt --requests 50 --size_mb 1 --seconds 20
[ "$(wc -l <mine.txt)" -le 50 ] && [ -s mine.txt ] || fail "record"
grep -qvE '^[0-9]+ [0-9]+\.[0-9] 4[02] [0-9]+ [0-9]+ [0-9]+\.[0-9]$' mine.txt && fail "record: a line of another layout"
ls trace_gan-scratch-* >/dev/null 2>&1 && fail "record left its scratch file"
expect 2 "mine.txt is there already" record --out mine.txt
expect 1 "nowhere" record --out m2.txt --folder nowhere --size_mb 1
[ -e m2.txt ] && fail "record: a trace though there was none"

echo "-- Ctrl-C writes the model and leaves with 130"
rm lines.txt  # or an earlier run's lines would be waited for
env --default-signal=INT "$program" train "${tiny[@]}" --num_epochs 1000000 --save_prefix ctrl --output_synth ctrl.txt >lines.txt 2>out.txt &
pid=$!
for _ in $(seq 100); do
  grep -qs "Epoch 2/" lines.txt && break
  sleep 0.1
done
kill -INT $pid
wait $pid
code=$?
[ $code -eq 130 ] || fail "exit code $code after Ctrl-C, expected 130"
[ -s models/ctrl_generator.safetensors ] || fail "Ctrl-C: no model"

[ $failures -eq 0 ] && echo "all passed"
exit $((failures > 0))
