#!/bin/sh
# The program and the shared library were built as hard to exploit as the compiler can. readelf shows
# it; builds with sanitizers or without optimisation are not.
. tests/test.sh

build=${BUILD:-build}
command -v readelf >/dev/null 2>&1 || skip "readelf is not installed"
[ -n "$(MAKEFLAGS='' make -s print-HARDENING ${CFLAGS:+CFLAGS="$CFLAGS"})" ] || skip "a build without"

# shows PART FILE ARGUMENTS...: readelf's output has a line with PART.
shows() {
    part=$1
    file=$2
    shift 2
    readelf -W "$@" "$build/$file" | grep -E -- "$part"
}
lacks() {
    ! shows "$@"
}
for file in rimshot librimshot.so; do
    check "$file can be moved in memory" shows 'Type: +DYN' "$file" -h
    check "$file makes its relocations read-only" shows GNU_RELRO "$file" -l
    check "$file resolves all names at the start" shows 'FLAGS.*NOW' "$file" -d
    check "$file has no stack that can be executed" shows 'GNU_STACK.* RW ' "$file" -l
    check "$file has no segment that can be written and executed" lacks 'LOAD.* RWE ' "$file" -l
    check "$file relocates no code" lacks TEXTREL "$file" -d
    check "$file names no folders to find libraries in" lacks 'RPATH|RUNPATH' "$file" -d
    check "$file guards its stack" shows __stack_chk_fail "$file" --dyn-syms
    check "$file checks the sizes of copies" shows '__(mem|str|v?snprintf|read|pread)[a-z]*_chk' \
        "$file" --dyn-syms
done
check "the program is a PIE" shows 'FLAGS_1.*PIE' rimshot -d
# Of what is linked, which has the mark only if the C library was compiled so, too.
[ "$(uname -m)" != x86_64 ] ||
    check "objects mark where jumps may land" shows 'IBT, SHSTK' obj/base/file.o -n

finish
