#!/bin/sh
# launches.sh LIBRARY [PROGRAM [ARGUMENT..]]: what a training step starts on the device, kernel by kernel, counted on any
# machine. LIBRARY: longwave's static library for CUDA, as built; PROGRAM: of cuda/launches, default sar_step. It is
# linked with a stand-in for CUDA's run-time instead of the run-time.
set -eu
library=$1
shift
program=${1:-sar_step}
[ $# -eq 0 ] || shift
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

g++ -std=gnu++20 -O1 -Iinclude -isystem "${EIGEN:-/usr/include/eigen3}" -c "cuda/launches/$program.cpp" -o "$work/program.o"
g++ -std=gnu++20 -O1 -isystem "${CUDA_HOME:-/usr/local/cuda}/include" -c cuda/launches/runtime.cpp -o "$work/runtime.o"
nm "$work/runtime.o" | awk '$2 == "T" { print $3 }' | sort >"$work/there"
nm -u "$library" 2>/dev/null | awk '$2 ~ /^(cuda|cublas|cufft)[A-Za-z0-9_]*$/ { print $2 }' | sort -u |
  comm -23 - "$work/there" | sed 's/.*/int &() { return 0; }/' >"$work/rest.c"
gcc -w -c "$work/rest.c" -o "$work/rest.o"
g++ "$work/program.o" "$work/runtime.o" "$work/rest.o" ${LDFLAGS:-} "$library" -o "$work/program"
"$work/program" "$@"
