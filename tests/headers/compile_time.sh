#!/bin/bash
# compile_time.sh INCLUDE_DIR COMPILER FLAG...: processor time of one translation unit per header at -O2 against its budget.
# The best of up to three tries counts, so that a busy machine does not fail it. The budgets are seconds of the machine
# of docs/performance.md, where a header of the same kind that is not ours takes 0.80 s: they grow as that one does on a
# slower machine. LONGWAVE_BUDGET_FACTOR, if set, is the factor instead.
set -euo pipefail
include=$1
shift
failed=0
TIMEFORMAT='%U %S'

seconds() { # HEADER -> user + system seconds
  { time "${compile[@]}" -x c++ -c -o /dev/null - <<< "#include \"$1\"" >&2; } 2>&1 | tail -n 1 | awk '{ print $1 + $2 }'
}

machine_factor() { # how much longer than 0.80 s Eigen/Eigenvalues takes here, at least 1
  local best=1000 took try
  for try in 1 2 3; do
    took=$(seconds Eigen/Eigenvalues)
    best=$(awk -v a="$best" -v b="$took" 'BEGIN { print a < b ? a : b }')
  done
  awk -v b="$best" 'BEGIN { f = b / 0.80; print (f > 1 ? f : 1) }'
}

check() { # HEADER BUDGET
  local best=1000 took try
  for try in 1 2 3; do
    took=$(seconds "$1") || { echo "$1 does not compile on its own"; exit 1; }
    best=$(awk -v a="$best" -v b="$took" 'BEGIN { print a < b ? a : b }')
    if awk -v t="$best" -v b="$2" -v f="$factor" 'BEGIN { exit !(t <= b * f) }'; then
      printf '%-45s %5.2f s of %s\n' "$1" "$best" "$2"
      return
    fi
  done
  printf '%-45s %5.2f s of %s  OVER BUDGET\n' "$1" "$best" "$2"
  failed=1
}

compile=("$@" -std=c++20 -O2 "-I$include")
cd "$include"
factor=${LONGWAVE_BUDGET_FACTOR:-$(machine_factor)}
printf 'budgets times %.2f\n' "$factor"
for header in longwave/core/*.hpp longwave/ops/*.hpp; do
  check "$header" 1.2
done
if [ -e longwave/nn/s4d.hpp ]; then check longwave/nn/s4d.hpp 2; fi
check longwave/longwave.hpp 4
exit $failed
