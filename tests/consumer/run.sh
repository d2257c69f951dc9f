#!/bin/sh
# run.sh PROJECT WORK_DIR [CMAKE_ARGUMENT...]: configures, builds and runs a consumer project from nothing.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
project=$1
work=$2
shift 2
rm -rf "$work"
cmake -S "$here/$project" -B "$work" -G Ninja "$@"
cmake --build "$work"
for program in "$work"/consumer*; do
  if [ -x "$program" ] && [ -f "$program" ]; then "$program"; fi
done
