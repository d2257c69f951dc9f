#!/bin/sh
# snippets.sh ROOT [--update]: every C++ block of README.md and docs/ is a verbatim part of a test or a tutorial.
#
#   in the source    // [snippet: name]  ...  // [/snippet]         parts of one name in one file are joined
#   in the page      <!-- snippet: name -->   on the line before ```cpp
#
# Indentation that all lines share is dropped. A C++ block without a name, a name without a source and a snippet that
# no page shows are errors. --update rewrites the blocks in the pages.
set -eu
cd "$1"
update=${2:-}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

find examples/tutorials tests -name '*.cpp' | LC_ALL=C sort | xargs awk -v work="$work" '
  function complain(text) { printf "%s:%d: %s\n", FILENAME, FNR, text > "/dev/stderr"; failed = 1 }
  function finish(   i, shared, indent) {
    shared = 1000
    for (i = 1; i <= n; ++i) {
      if (line[i] == "") continue
      match(line[i], /^ */)
      if (RLENGTH < shared) shared = RLENGTH
    }
    for (i = 1; i <= n; ++i) print substr(line[i], shared + 1) > (work "/" name)
  }
  FNR == 1 && name != "" { printf "%s: snippet %s has no end\n", last, name > "/dev/stderr"; failed = 1; name = "" }
  { last = FILENAME }
  /^ *\/\/ \[snippet: [a-z0-9_]+\]$/ {
    if (name != "") complain("snippet " name " has no end before this line")
    name = $0
    sub(/^.*\[snippet: /, "", name)
    sub(/\]$/, "", name)
    if (owner[name] != "" && owner[name] != FILENAME) complain("snippet " name " is also in " owner[name])
    if (owner[name] == FILENAME) print "" > (work "/" name)
    owner[name] = FILENAME
    n = 0
    next
  }
  /^ *\/\/ \[\/snippet\]$/ {
    if (name == "") complain("the end of no snippet")
    else finish()
    name = ""
    next
  }
  name != "" { line[++n] = $0 }
  END { if (name != "") complain("snippet " name " has no end"); exit failed }
'

failed=0
for page in README.md $(find docs -name '*.md' | LC_ALL=C sort); do
  awk -v work="$work" -v page="$page" '
    function complain(text) { printf "%s:%d: %s\n", page, FNR, text > "/dev/stderr"; failed = 1 }
    function source(name,   text, row) {
      text = ""
      while ((getline row < (work "/" name)) > 0) text = text row "\n"
      close(work "/" name)
      if (text == "") complain("no source has a snippet " name)
      else print name >> (work "/.shown")
      return text
    }
    inside && /^```$/ {
      if (block != want) complain("snippet " name " differs from its source; run tests/docs/snippets.sh . --update")
      printf "%s```\n", want > (work "/.page")
      inside = 0
      name = ""
      next
    }
    inside { block = block $0 "\n"; next }
    { print > (work "/.page") }
    /^<!-- snippet: [a-z0-9_]+ -->$/ { name = $3; next }
    /^```(cpp|c\+\+|cc)/ {
      if (name == "") { complain("a C++ block that is cut from no source"); next }
      want = source(name)
      block = ""
      inside = 1
      next
    }
    { name = "" }
    END { if (inside) complain("a block without an end"); exit failed }
  ' "$page" 2>"$work/.errors" || {
    if [ "$update" = --update ] && ! grep -qv "differs from its source" "$work/.errors"; then
      cp "$work/.page" "$page"
      echo "$page: written"
    else
      cat "$work/.errors"
      failed=1
    fi
  }
done

for name in $(ls "$work"); do
  grep -qx "$name" "$work/.shown" 2>/dev/null || { echo "snippet $name is shown on no page"; failed=1; }
done
echo "$(ls "$work" | wc -l) snippets"
exit $failed
