#!/bin/sh
# doxygen_filter.sh FILE: plain // comments as Doxygen's /// ones, shown as they are written because most are formulas
# and tables; the comment on top becomes that of the file. Other files pass unchanged.
case $1 in
  *.hpp) ;;
  *) exec cat "$1" ;;
esac
awk '
  function open(marker) { if (!inside) { print marker; print "/// <pre>"; inside = 1 } }
  function close_() { if (inside) print "/// </pre>"; inside = 0 }
  function escape(text) {
    gsub(/&/, "\\&amp;", text); gsub(/</, "\\&lt;", text); gsub(/>/, "\\&gt;", text); gsub(/@/, "\\&#64;", text)
    gsub(/\\/, "\\&#92;", text)
    return text
  }
  /^ *\/\/( |$)/ && !/^ *\/\/ (clang-format|NOLINT|---)/ {
    text = $0
    sub(/^ *\/\/ ?/, "", text)
    open(NR == 1 ? "/// @file" : "///")
    print "/// " escape(text)
    next
  }
  { close_(); print }
' "$1" | sed -E 's|([;,{(]) *// ([^/])|\1  ///< \2|'
