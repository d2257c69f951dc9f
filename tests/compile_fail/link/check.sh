#!/bin/sh
# check.sh SOURCE WORK_DIR COMPILER FLAG...: SOURCE compiles, and linking it fails with one error, the one it announces.
set -eu
source=$1
work=$2
shift 2
reason=$(sed -n 's|^// error: ||p' "$source")
object="$work/$(basename "$source" .cpp).o"
"$@" -c "$source" -o "$object"
if output=$("$1" "$object" -o "$object.program" 2>&1); then
  echo "links"
  exit 1
fi
echo "$output"
errors=$(echo "$output" | grep -c 'undefined reference')
[ "$errors" = 1 ] || { echo "$errors errors, expected one"; exit 1; }
echo "$output" | grep -Eq "$reason" || { echo "fails for another reason than: $reason"; exit 1; }
