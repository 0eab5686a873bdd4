#!/bin/sh
# Two builds give the same bytes, wherever the tree lies: copies it to two folders, builds in both, and
# compares. usage: tests/reproducible.sh [FILE...]   Files of the build folder; none: the program and
# the libraries. `make reproducible` takes two builds' time.
set -eu
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' HUP INT TERM
export CCACHE_DISABLE=1 # what one build left there would be the other's

[ $# -gt 0 ] || set -- rimshot librimshot.a lib/librimshot.a librimshot.so
sources=$(MAKEFLAGS='' make -s folders | tr ' ' '\n' | cut -d / -f 1 | sort -u)
for tree in "$folder/a" "$folder/another/and a longer one"; do
    mkdir -p "$tree"
    # shellcheck disable=SC2086
    cp -a Makefile $sources "$tree"
    (cd "$tree" && make -s -j"$(nproc)" BUILD=build $(printf 'build/%s ' "$@") >&2)
done
differ=0
for file in "$@"; do
    cmp "$folder/a/build/$file" "$folder/another/and a longer one/build/$file" || differ=1
done
[ "$differ" -eq 0 ] && echo "the same bytes: $*"
