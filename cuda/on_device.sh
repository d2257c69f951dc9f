#!/bin/bash
# run.sh OUT_DIR, on a machine with a GPU: tests, reference cases, compute-sanitizer, benchmarks, PyTorch beside them.
# Logs go to OUT_DIR, a short summary to the screen. Exit code 1 if anything but the peer failed.
set -uo pipefail
bin=$(cd "$(dirname "$0")" && pwd)
out=${1:?usage: run.sh OUT_DIR}
mkdir -p "$out"
failed=0

step() { # NAME SECONDS COMMAND...
  local name=$1 limit=$2 start=$SECONDS code
  shift 2
  timeout "$limit" "$@" > "$out/$name.log" 2>&1
  code=$?
  printf '%-12s %s, %d s: %s\n' "$name" "$([ $code = 0 ] && echo good || echo "FAILED ($code)")" $((SECONDS - start)) \
    "$(tail -n 1 "$out/$name.log" | grep . || tail -n 2 "$out/$name.log" | head -n 1)"
  if [ $code != 0 ]; then
    tail -n 30 "$out/$name.log"
    failed=1
  fi
}

nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader | tee "$out/device.txt"
step tests 60 "$bin/longwave_cuda_tests"
step golden 30 "$bin/golden_runner" "$bin/../golden" --device cuda -v
for test in "$bin"/*_test.sh; do
  program=$(basename "$test" _test.sh)
  LONGWAVE_EXAMPLE_DATA="$bin/../data" step "${program:0:12}" 100 bash "$test" "$bin/$program"
done
step eight 60 "$bin/mnist1d_diffusion" run --device cuda --quiet --out "$out/mnist1d"
step bench 90 "$bin/longwave_gpu_bench" --json "$out/gpu_bench.json"
small='~[large]~[out-of-memory]'
sanitizer=$(command -v compute-sanitizer || echo /usr/local/cuda/bin/compute-sanitizer)
step memcheck 60 "$sanitizer" --tool memcheck --error-exitcode 9 "$bin/longwave_cuda_tests" "$small"
step racecheck 60 "$sanitizer" --tool racecheck --error-exitcode 9 "$bin/longwave_cuda_tests" "$small"
before=$failed
step peer 120 python3 "$bin/peer_torch.py" "$out/gpu_bench.json" "$out/peer.json"
failed=$before
echo
cat "$out/bench.log"
echo
cat "$out/peer.log"
exit $failed
