#!/bin/bash
# The program mnist1d_diffusion from the outside: exit codes, messages, files, a run that was stopped.
#   mnist1d_diffusion_test.sh PROGRAM
. "$(dirname "$0")/expect.sh"

small=(--task ancestor --n_samples 64 --n_test 20 --timesteps 4)
tiny=("${small[@]}" --epochs 1)

echo "-- the command line (exit code 2)"
expect 2 "subcommand"
expect 2 "--no-such-option" run --no-such-option
expect 2 "there is no experiment 9, expected 1 to 8" run --only 1,9
expect 2 "expected an even number" run --n_samples 7
expect 2 "--jobs: -1, expected a number of 0 or more" run --jobs -1
expect 2 '--out is "", expected a folder' run --out ""
expect 2 "expected one of mnist1d, ancestor" run --task mnist
expect 2 '--device: "gpu" is none of cpu, cuda, cuda:<number>' run --device gpu
expect 0 "--convex_target" run --help

echo "-- bad input (exit code 1)"
expect 1 "2500 rows of set 1 were asked for, there are 1993" run --n_samples 5000 --out rows
expect 1 "nowhere" run --data nowhere --out rows
[ -e rows ] && fail "a run that could not start left a folder"
touch file
expect 1 "cannot make this folder" run "${tiny[@]}" --out file/run
if [ "$(id -u)" -ne 0 ]; then # nothing is forbidden to root
  mkdir locked && chmod a-w locked
  expect 1 "locked" run "${tiny[@]}" --out locked
fi

echo "-- all eight"
expect 0 "results: whole/mnist1d_diffusion_experiments_" run "${tiny[@]}" --out whole --jobs 1
expect 0 "EXPERIMENT 8/8" run "${tiny[@]}" --out again --jobs 1
grep -q "Epoch 0/1, Loss: " out.txt || fail "no line for the epoch"
grep -q "Loss: kl_divergence, Sampling: convex, Training: semi_implicit" out.txt || fail "no banner of the last experiment"
grep -q "  Parameters: 69187" out.txt || fail "no block of results"
grep -q "| 8 | KL | Convex | Semi-implicit |" whole/*.md || fail "no line for the last experiment in the report"
[ -e whole/mnist1d_experiment_results_partial.json ] && fail "partial results are left"
expect 1 "holds no mnist1d_diffusion_details" report .
expect 0 "page: whole/" report whole
expect 1 "is there already; --force replaces it" report whole
expect 0 "page: whole/" report whole --force
grep -q "</html>" whole/*.html || fail "the page is not whole"

echo "-- the same numbers for any number of jobs"
expect 0 "results: jobs/" run "${tiny[@]}" --out jobs --jobs 3
figures() { sed -E 's/"(runtime_seconds|start_time|end_time)":.*//' "$1"/mnist1d_diffusion_experiments_*.json; }
[ "$(figures whole)" = "$(figures jobs)" ] || fail "1 and 3 jobs differ"

echo "-- a run that was stopped goes on, another configuration does not mix in"
env --default-signal=INT "$program" run "${small[@]}" --epochs 200 --repeats 40 --out stopped --jobs 2 >out.txt 2>&1 &
pid=$!
for _ in $(seq 100); do
  grep -qs '"experiment_id"' stopped/mnist1d_experiment_results_partial.json && break
  sleep 0.1
done
kill -INT $pid
wait $pid
code=$?
[ $code -eq 130 ] || fail "exit code $code after Ctrl-C, expected 130"
grep -q "the same command goes on" out.txt || fail "Ctrl-C: no word on how to go on"
expect 1 "holds partial results of another configuration: max_epochs is 200 there and 1 here" run "${tiny[@]}" --out stopped
expect 0 "results: stopped/" run "${tiny[@]}" --out stopped --force

if ! "$program" run "${tiny[@]}" --only 1 --device cuda --out cuda >out.txt 2>&1; then
  expect 2 "--device cuda" run "${tiny[@]}" --device cuda
fi

[ $failures -eq 0 ] && echo "all passed" || echo "$failures failed"
exit $((failures > 0))
