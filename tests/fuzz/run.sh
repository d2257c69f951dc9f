#!/bin/sh
# run.sh FOLDER SECONDS: every *_fuzz program in FOLDER for SECONDS each. What it finds stays in FOLDER/<name>.found.
# The seeds are the files under tests/fuzz/corpus/<reader>/, written by make_seeds.py.
set -eu
folder=$1
seconds=$2
here=$(cd "$(dirname "$0")" && pwd)
failed=0
for program in "$folder"/*_fuzz; do
  [ -x "$program" ] || continue
  name=$(basename "$program")
  corpus="$folder/$name.corpus"
  found="$folder/$name.found"
  mkdir -p "$corpus" "$found"
  seeds=""
  [ -d "$here/corpus/${name%_fuzz}" ] && seeds="$here/corpus/${name%_fuzz}"
  echo "fuzzing $name for $seconds s"
  # -rss_limit_mb also catches a reader that believes a size it was told.
  "$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -max_len=65536 -print_final_stats=0 \
    -verbosity=0 -artifact_prefix="$found/" "$corpus" ${seeds:+"$seeds"} || { echo "$name FAILED: see $found" >&2; failed=1; }
done
exit $failed
