#!/bin/sh
# run.sh BUILD_DIR [REGEX]: runs the benchmark programs whose name matches, JSON into BUILD_DIR/benchmarks/json, and
# ends with a table (also summary.txt there). Processor, cores, threads, compiler, commit and the program's own compile
# flags go into the context of every file. BENCHMARK_ARGS: more arguments for every program.
set -eu
build=$1
only=${2:-.}
out="$build/benchmarks/json"
mkdir -p "$out"
compiler=$(sed -n 's/^CMAKE_CXX_COMPILER:[A-Z]*=//p' "$build/CMakeCache.txt")
commit=$(git describe --always --dirty --exclude '*' 2>/dev/null || echo unknown)
# Google Benchmark cuts the context at commas.
clean() { printf '%s' "$1" | tr ',=' ';:'; }
# nproc heeds OMP_NUM_THREADS, as the programs do.
machine="cpu=$(clean "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)")"
machine="$machine,cores=$(env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc),threads=$(nproc)"
machine="$machine,compiler=$(clean "$($compiler --version | head -n 1)"),commit=$commit"

# What compile_commands.json says of a program, without folders and file names.
flags_of() {
  grep "\"command\".*CMakeFiles/$1\.dir/" "$build/compile_commands.json" | head -n 1 |
    sed -E 's/^ *"command": "[^ ]+ //; s/ -o .*//; s/-isystem [^ ]+ ?//g; s/-I[^ ]+ ?//g'
}

# One line per measurement: name, real time, time per element where the program counts elements.
summary() {
  awk '
    function value(line) { sub(/^[^:]*: */, "", line); sub(/,$/, "", line); gsub(/"/, "", line); return line }
    function scaled(ns) {
      if (ns < 1e3) return sprintf("%.4g ns", ns)
      if (ns < 1e6) return sprintf("%.4g us", ns / 1e3)
      return ns < 1e9 ? sprintf("%.4g ms", ns / 1e6) : sprintf("%.4g s ", ns / 1e9)
    }
    function show() {
      if (name != "")
        printf "%-74s %10s %12s\n", name, scaled(time * in_ns[unit]), each == "" ? "-" : scaled(each * 1e9)
      name = time = unit = each = ""
    }
    BEGIN {
      in_ns["ns"] = 1; in_ns["us"] = 1e3; in_ns["ms"] = 1e6; in_ns["s"] = 1e9
      printf "%-74s %10s %12s\n", "name", "real time", "per_element"
    }
    FNR == 1 { show(); program = FILENAME; sub(/.*\/bench_/, "", program); sub(/\.json$/, "", program); rows = 0 }
    /^  "benchmarks":/ { rows = 1 }
    !rows { next }
    /^ *"name":/ { show(); name = program " " value($0); sub(/\/real_time$/, "", name) }
    /^ *"real_time":/ { time = value($0) }
    /^ *"time_unit":/ { unit = value($0) }
    /^ *"per_element":/ { each = value($0) }
    END { show() }
  ' "$@"
}

set --
for program in "$build"/benchmarks/bench_*; do
  if [ ! -x "$program" ] || [ ! -f "$program" ]; then continue; fi
  name=$(basename "$program")
  printf '%s' "$name" | grep -Eq "$only" || continue
  # shellcheck disable=SC2086  # several arguments
  "$program" ${BENCHMARK_ARGS:-} --benchmark_context="$machine,flags=$(clean "$(flags_of "$name")")" \
    --benchmark_out="$out/$name.json" --benchmark_out_format=json
  set -- "$@" "$out/$name.json"
done
[ $# -gt 0 ] || { echo "run.sh: no program of $build/benchmarks matches '$only'" >&2; exit 1; }
echo
summary "$@" | tee "$out/summary.txt"
echo "JSON: $out"
