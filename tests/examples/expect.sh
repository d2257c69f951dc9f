# expect.sh - what tries a program from the outside: sourced by <program>_test.sh PROGRAM. Works in a folder of its own.
set -u
program=$(realpath "$1")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
failures=0

fail() {
  echo "FAILED: $*"
  [ -f out.txt ] && sed 's/^/    /' out.txt | tail -15
  failures=$((failures + 1))
}

# expect CODE TEXT ARGUMENTS...: exit code, and a text in the output
expect() {
  local code=$1 text=$2 got
  shift 2
  "$program" "$@" >out.txt 2>&1 </dev/null
  got=$?
  [ $got -eq "$code" ] || fail "exit code $got, expected $code: $*"
  grep -qF -- "$text" out.txt || fail "no \"$text\" in the output of: $*"
}
