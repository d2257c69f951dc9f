# demo.sh - the frame of the programs' demos, sourced by examples/<program>/demo.sh BUILD_FOLDER [OUT_FOLDER].
# Sets here (the demo's folder), program and out; `step TITLE` and `finish FILE` say what happens.
set -eu

here=$(CDPATH='' cd "$(dirname "$0")" && pwd)
name=$(basename "$here")
if [ $# -lt 1 ]; then
  echo "usage: examples/$name/demo.sh BUILD_FOLDER [OUT_FOLDER]" >&2
  exit 2
fi
program=$1/examples/$name
out=${2:-$1/demo/$name}
if [ ! -x "$program" ]; then
  echo "demo.sh: $program is not there; build it: cmake --build $1 --target $name" >&2
  exit 1
fi

step() { printf '\n== %s\n' "$*"; }

start=$(date +%s)
finish() { # FILE, which lies below $out
  printf '\neverything took %d s\nreport: %s/%s\n' $(($(date +%s) - start)) "$(CDPATH='' cd "$out" && pwd)" "$1"
}
