#!/bin/sh
# support_matrix.sh ROOT [--update]: the table of docs/support_matrix.md is what this script reads from the tree.
#
#   rows        every function on the tape (include/longwave/autograd/functions), then headers of ops/ without one
#   CPU         the scalar types that the test names; bf16: a line `// bf16: OP ..` of tests/*/bfloat16*_test.cpp
#   gradient    the test compares it with differences or runs backward against plain loops
#   reference   the op of the golden runner's cases; scalar-valued losses and norms have longer names there
#   CUDA        the scalar types of the files under cuda/ that have the op or its rule, else of those of its header;
#               bf16 as on the CPU, from tests/cuda
#
# Every header of ops/ has a section in the course besides.
set -eu
cd "$1"
update=${2:-}
page=docs/support_matrix.md
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

first_file() { for f in "$@"; do if [ -f "$f" ]; then echo "$f"; return; fi; done; }
link() { [ -z "$1" ] && echo - || echo "[$(basename "$1" .cpp)](../$1)"; }

narrow_ops() { # OP TEST..: whether one of the tests says that it runs the op in bfloat16
  narrow=$1
  shift
  grep -hE '^// bf16: ' "$@" | grep -qw "$narrow"
}

row() { # OP HEADER_NAME
  op=$1 header=$2
  test=$(first_file "tests/ops/${op}_test.cpp" "tests/ops/${header}_test.cpp" tests/properties/sequence_forms_test.cpp)
  bench=$(first_file "benchmarks/ops/${op}_bench.cpp" "benchmarks/ops/${header}_bench.cpp")
  case $op in
    diag_scan | chunk_scan) bench=benchmarks/ops/diagonal_forms_bench.cpp ;;
    cross_entropy) bench=benchmarks/ops/loss_bench.cpp ;;
  esac
  types=""
  grep -qE '\bfloat\b' "$test" && types="f32"
  grep -qE '\bdouble\b' "$test" && types="$types f64"
  narrow_ops "$op" tests/*/bfloat16*_test.cpp tests/ops/cast_test.cpp && types="bf16 $types"
  gradient=-
  grep -qE 'grad_check|differences|::backward' "$test" && gradient=yes
  reference=-
  for name in "$op" "${op}_loss" "${op}1d" "${op%_bidirectional}"; do
    if grep -q "(\"$name\"" tests/golden/ops_*.cpp; then reference="\`$name\`"; break; fi
  done
  rule=$(echo "$op" | sed -E 's/(^|_)(.)/\u\2/g')Rule
  cuda=""
  where=$(grep -lsE "\b($rule|${op}_forward|$op)\b" cuda/instantiate/*.cu cuda/launch/*.cu || true)
  [ -n "$where" ] || where=$(ls cuda/launch/"$header".cu cuda/instantiate/"$header".cu cuda/instantiate/"$header"_*.cu 2>/dev/null || true)
  for type in float double; do
    [ -n "$where" ] && echo "$where" | xargs grep -qE "\b$type\b" && cuda="$cuda f$([ $type = float ] && echo 32 || echo 64)"
  done
  narrow_ops "$op" tests/cuda/*bf*16*_test.cpp && cuda=" bf16$cuda"
  cuda=${cuda# }
  echo "| \`$op\` | [$header](../include/longwave/ops/$header.hpp) | ${types# } | ${cuda:--} | $gradient | $reference | $(link "$test") | $(link "$bench") |"
}

# "op header", in the order of headers; the forms _each belong to their op, and views of a value are no ops.
for file in include/longwave/autograd/functions/*.hpp; do
  name=$(basename "$file" .hpp)
  [ "$name" = shape ] && continue
  awk '/^namespace detail/ { skip = 1 } /^}  \/\/ namespace detail/ { skip = 0 } !skip && /^Var<.*> [a-z_0-9]+\(/' "$file" |
    sed -E 's/^Var<.*> ([a-z_0-9]+)\(.*/\1/' | grep -vE '_each$|^(unary|binary)$' | awk '!seen[$0]++' |
    while read -r op; do
      if [ -f "include/longwave/ops/$op.hpp" ]; then echo "$op $op"; else echo "$op $name"; fi
    done
  [ "$name" = elementwise ] && for op in add sub mul div; do echo "$op elementwise"; done
done >"$work/ops"
for file in include/longwave/ops/*.hpp; do
  name=$(basename "$file" .hpp)
  [ "$name" = diagonal ] || grep -q " $name\$" "$work/ops" || echo "$name $name" >>"$work/ops"
done

{
  echo "| op | header | CPU | CUDA | gradient | reference | test | benchmark |"
  echo "| --- | --- | --- | --- | --- | --- | --- | --- |"
  LC_ALL=C sort -s -k2,2 "$work/ops" | while read -r op header; do row "$op" "$header"; done
} >"$work/table"

awk -v table="$work/table" '
  /^<!-- table -->$/ { print; print ""; while ((getline line < table) > 0) print line; print ""; skip = 1 }
  /^<!-- \/table -->$/ { skip = 0 }
  !skip
' "$page" >"$work/page"
for file in include/longwave/ops/*.hpp; do
  name=$(basename "$file" .hpp)
  grep -qE "^## (.*, )?$name(,.*)?\$" docs/course/11_ops.md || {
    echo "docs/course/11_ops.md has no section about $name"
    exit 1
  }
done
if cmp -s "$work/page" "$page"; then
  echo "$(wc -l <"$work/ops") ops"
elif [ "$update" = --update ]; then
  cp "$work/page" "$page"
  echo "$page: written"
else
  diff "$page" "$work/page" || true
  echo "$page differs from the tree; run tests/docs/support_matrix.sh . --update"
  exit 1
fi
