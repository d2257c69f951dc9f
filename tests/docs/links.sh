#!/bin/sh
# links.sh ROOT: relative links of all pages lead to files that are there, and paths in `code` of docs/ and README too.
set -eu
cd "$1"
find . -name '*.md' ! -path './build/*' ! -path './.git/*' | LC_ALL=C sort | xargs awk '
  function there(path) { return system("test -e \"" path "\"") == 0 }
  function complain(text) { printf "%s:%d: %s\n", FILENAME, FNR, text; failed = 1 }
  FNR == 1 { folder = FILENAME; sub(/[^\/]*$/, "", folder); fence = 0 }
  /^```/ { fence = !fence }
  fence { next }
  {
    rest = $0
    while (match(rest, /\]\([^)#:]+[#)]/)) {
      path = substr(rest, RSTART + 2, RLENGTH - 3)
      if (!there(folder path)) complain("the link " path " leads nowhere")
      rest = substr(rest, RSTART + RLENGTH)
    }
    rest = $0
    while (match(rest, /`(include|tests|benchmarks|examples|cmake|cuda|docs)\/[A-Za-z0-9_\/.-]+`/)) {
      path = substr(rest, RSTART + 1, RLENGTH - 2)
      if (FILENAME !~ /CONTRIBUTING/ && !there(path)) complain(path " is not there")
      rest = substr(rest, RSTART + RLENGTH)
    }
  }
  END { exit failed }
'
