#!/bin/bash
# The runs of a table, several at a time: table.sh PROGRAM TABLE [OUT_FOLDER [OPTIONS OF train]]
#
#   SEEDS="0 1 2" JOBS=4 table.sh build/native/examples/long_sequence configs/table/digits.txt out/digits --data DIR
#
# TABLE has a line for each row: a name, a preset (from the table's own folder) and what it changes, NAME=VALUE. Every
# seed of every row gets a folder, OUT_FOLDER/<name>/seed<N>, with its output in log.txt. Stopped (Ctrl-C, a reboot), it
# goes on where it was when it is started again. RATES="2" evaluates on one of 2 samples, too.
set -u

if [ $# -lt 2 ]; then
  echo 'usage: [SEEDS="0 1 2"] [JOBS=4] [RATES=2] table.sh PROGRAM TABLE [OUT_FOLDER [OPTIONS OF train]]' >&2
  exit 2
fi
program=$1
table=$2
out=${3:-out/$(basename "$table" .txt)}
shift $(($# > 2 ? 3 : 2))
device=()
for ((i = 1; i <= $#; i++)); do
  [ "${!i}" = --device ] && device=(--device "${@:i+1:1}")
done

# one SEED NAME PRESET [NAME=VALUE]...
one() {
  local seed=$1 folder=$out/$2/seed$1 preset=$3
  shift 3
  mkdir -p "$folder"
  "$program" train --config "$(dirname "$table")/$preset" --set trainer.seed="$seed" "$@" --continue --out "$folder" \
    "${options[@]}" >"$folder/log.txt" 2>&1 || return
  for rate in ${RATES:-}; do
    grep -q "\"subsample\":$rate," "$folder/test.jsonl" ||
      "$program" evaluate "$folder" --subsample "$rate" "${device[@]}" >>"$folder/log.txt" 2>&1 || return
  done
}

options=("$@")
jobs=${JOBS:-1}
[ "$jobs" -gt 1 ] && export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
runs=()
while read -r -a row; do
  [ ${#row[@]} -lt 2 ] || [ "${row[0]:0:1}" = "#" ] && continue
  for seed in ${SEEDS:-0}; do
    while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do wait -n; done
    one "$seed" "${row[@]}" </dev/null &
    runs+=($!)
  done
done <"$table"
failed=0
for run in "${runs[@]}"; do wait "$run" || failed=$((failed + 1)); done
[ $failed -eq 0 ] || echo "table.sh: $failed of ${#runs[@]} runs failed; see log.txt in their folders" >&2
"$program" table "$out"
exit $((failed > 0))
