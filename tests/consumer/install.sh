#!/bin/sh
# install.sh BUILD_DIR PREFIX: installs, and moves the tree afterwards, because it has to bear that.
set -eu
rm -rf "$2" "$2.before"
cmake --install "$1" --prefix "$2.before"
mv "$2.before" "$2"
