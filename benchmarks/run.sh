#!/bin/sh
# run.sh BUILD_DIR [REGEX]: runs the benchmark programs whose name matches, JSON into BUILD_DIR/benchmarks/json.
# Machine, compiler and flags go into the context of every file.
set -eu
build=$1
only=${2:-.}
out="$build/benchmarks/json"
mkdir -p "$out"
cache() { sed -n "s/^$1:[A-Z]*=//p" "$build/CMakeCache.txt"; }
compiler=$(cache CMAKE_CXX_COMPILER)
type=$(cache CMAKE_BUILD_TYPE)
native=$(cache LONGWAVE_NATIVE)
flags="$(cache CMAKE_CXX_FLAGS) $(cache "CMAKE_CXX_FLAGS_$(echo "$type" | tr '[:lower:]' '[:upper:]')")"
[ "$native" = ON ] && flags="$flags -march=native -mprefer-vector-width=512"
# Google Benchmark cuts the context at commas.
clean() { printf '%s' "$1" | tr ',=' ';:'; }
context="cpu=$(clean "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)")"
context="$context,cores=$(nproc),compiler=$(clean "$($compiler --version | head -n 1)"),flags=$(clean "$flags")"
context="$context,commit=$(git rev-parse --short HEAD 2>/dev/null || echo unknown)"
for program in "$build"/benchmarks/bench_*; do
  [ -x "$program" ] && [ -f "$program" ] || continue
  name=$(basename "$program")
  printf '%s' "$name" | grep -Eq "$only" || continue
  "$program" --benchmark_context="$context" --benchmark_out="$out/$name.json" --benchmark_out_format=json
done
echo "JSON: $out"
