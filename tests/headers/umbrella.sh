#!/bin/sh
# umbrella.sh INCLUDE_DIR [--write]: longwave.hpp includes every header that needs no library beyond Random123 and Eigen.
# Left out as well: what needs Eigen's unsupported modules, and the readers of data sets (data/), of which a program
# includes the one it reads; each costs every program some time to compile.
# Compares the list in the file with the tree, or writes it.
set -eu
cd "$1"
list=$(mktemp)
trap 'rm -f "$list" "$list.hpp"' EXIT

# Headers that need zlib, zstd, blosc, JSON, FFTW or xtensor, then those that include one of them, until nothing is added.
find longwave -name '*.hpp' ! -path longwave/longwave.hpp | LC_ALL=C sort | xargs awk '
  { if (!(FILENAME in seen)) { seen[FILENAME] = 1; order[++files] = FILENAME } }
  /^ *# *include *<(zlib|zip|zstd|blosc|nlohmann|fftw|xtensor|cuda|unsupported)/ { foreign[FILENAME] = 1 }
  /^ *# *if/ { depth[FILENAME]++ }
  /^ *# *endif/ { depth[FILENAME]-- }
  # A choice made by the preprocessor, as between the two FFTs, is the header'"'"'s own business.
  /^ *# *include *"/ && depth[FILENAME] == 0 { split($0, p, "\""); edges[++n] = FILENAME SUBSEP p[2] }
  END {
    do {
      changed = 0
      for (i = 1; i <= n; ++i) {
        split(edges[i], e, SUBSEP)
        if ((e[2] in foreign) && !(e[1] in foreign)) { foreign[e[1]] = 1; changed = 1 }
      }
    } while (changed)
    for (i = 1; i <= files; ++i)
      # The two FFTs exclude one another; ops/fft.hpp takes one.
      if (!(order[i] in foreign) && order[i] !~ /cpu\/fft_(fftw|fallback)|longwave\/data\//) printf "#include \"%s\"\n", order[i]
  }' > "$list"

if [ "${2:-}" = --write ]; then
  { sed '/^#include/,$d' longwave/longwave.hpp; cat "$list"; } > "$list.hpp"
  cat "$list.hpp" > longwave/longwave.hpp
elif ! grep '^#include' longwave/longwave.hpp | diff "$list" - ; then
  echo "longwave.hpp differs from the tree (< tree, > file): run make umbrella"
  exit 1
fi
