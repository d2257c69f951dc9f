#!/bin/bash
# compile_time.sh INCLUDE_DIR COMPILER FLAG...: processor time of one translation unit per header at -O2 against its budget.
# The best of up to three tries counts, so that a busy machine does not fail it. LONGWAVE_BUDGET_FACTOR (1) stretches
# the budgets on slow ones.
set -euo pipefail
include=$1
shift
factor=${LONGWAVE_BUDGET_FACTOR:-1}
failed=0
TIMEFORMAT='%U %S'

seconds() { # HEADER -> user + system seconds
  { time "${compile[@]}" -x c++ -c -o /dev/null - <<< "#include \"$1\"" >&2; } 2>&1 | tail -n 1 | awk '{ print $1 + $2 }'
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
for header in longwave/core/*.hpp longwave/ops/*.hpp; do
  check "$header" 1.2
done
if [ -e longwave/nn/s4d.hpp ]; then check longwave/nn/s4d.hpp 2; fi
check longwave/longwave.hpp 4
exit $failed
