#!/bin/sh
# check.sh SOURCE COMPILER FLAG...
set -eu
source=$1
shift
reason=$(sed -n 's|^// error: ||p' "$source")
[ -n "$reason" ] || { echo "$source has no '// error:' line"; exit 1; }

"$@" -fsyntax-only "$source" || { echo "does not compile without the mistake"; exit 1; }
if output=$("$@" -fsyntax-only -DLONGWAVE_MISTAKE "$source" 2>&1); then
  echo "compiles with the mistake"
  exit 1
fi
echo "$output" | grep -E "error: .*($reason)" || {
  echo "$output"
  echo "fails for another reason than: $reason"
  exit 1
}
