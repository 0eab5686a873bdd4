#!/bin/sh
# Installs the library into a folder of its own, copies docs/examples out of the tree, builds and
# runs them there.  usage: examples.sh SOURCE BUILD WORK CFLAGS MODEL SOUND...
# Leaves WORK/shared, WORK/static (classify_file's output), WORK/nearest and WORK/log_mel.
set -eu
source=$(cd "$1" && pwd)
build=${2#"$source"/}
work=$3 flags="-O1 -Wall -Wextra -Werror $4" model=$5
shift 5

unset MAKEFLAGS MAKELEVEL MFLAGS
make -s -C "$source" BUILD="$build" PREFIX="$work/prefix" install-lib
PKG_CONFIG_PATH=$work/prefix/lib/pkgconfig
export PKG_CONFIG_PATH
mkdir "$work/examples"
cp "$source"/docs/examples/*.c "$source/docs/examples/Makefile" "$source/docs/examples/CMakeLists.txt" "$work/examples"
cd "$work/examples"
make -s CFLAGS="$flags"
./classify_file "$model" "$@" >"$work/shared"
./nearest "$model" "$1" "$@" >"$work/nearest"
./log_mel "$1" >"$work/log_mel"
make -s clean
make -s STATIC=1 CFLAGS="$flags" classify_file
./classify_file "$model" "$@" >"$work/static"
if command -v cmake >/dev/null 2>&1; then
    cmake -B cmake -DCMAKE_PREFIX_PATH="$work/prefix" -DCMAKE_C_FLAGS="$flags" >"$work/cmake"
    cmake --build cmake >>"$work/cmake"
    cmake/classify_file "$model" "$@" | cmp - "$work/shared"
else
    echo "skip CMake: it is not installed"
fi

# One clear line and an honest status for what cannot be used.
! ./classify_file "$work/shared" "$1" 2>"$work/refused"
[ "$(wc -l <"$work/refused")" -eq 1 ]
! ./classify_file "$model" "$work/none.wav" 2>"$work/refused"
grep -q "none.wav" "$work/refused"
