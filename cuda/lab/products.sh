#!/bin/sh
# products.sh LONGWAVE_LAB [LOG]: every version of a layer's end in a process of its own, so that one that breaks the
# device or never ends leaves the others; L = 16384 first, then 4096 and 1024. The table of times comes last.
set -u
lab=$1
log=${2:-/tmp/products.log}
: > "$log"
for L in 16384 4096 1024; do
  for version in 1 2 3 4 5 6 7 8 9 10; do
    timeout -k 5 60 "$lab" products "$version" "$L" >> "$log" 2>&1
    code=$?
    [ "$code" -eq 0 ] || echo "version $version, L $L: exit code $code" >> "$log"
  done
done
grep -E "WRONG|TWICE|exit code|rror" "$log"
grep -E "^NVIDIA|right|passes|all  " "$log"
