#!/bin/sh
# The tree keeps the rules of tests/lint.sh, and each of the rules notices what breaks it.
. tests/test.sh

check "the tree keeps its rules" tests/lint.sh

tree=$folder/tree
mkdir -p "$tree/docs"
cp Makefile "$tree"
cp docs/architecture.md "$tree/docs"
for room in $(MAKEFLAGS='' make -s folders); do mkdir -p "$tree/$room"; done
check "a tree without sources keeps its rules" tests/lint.sh "$tree"

# is_noticed FILE TEXT PART: FILE with TEXT is an offence, reported for this file with PART.
is_noticed() {
    printf '%b' "$2" >"$tree/$1"
    said=$(tests/lint.sh "$tree") && status=0 || status=$?
    rm -f "$tree/$1"
    echo "$said"
    [ "$status" -eq 1 ] && echo "$said" | grep -F "$1:" | grep -qF "$3"
}
# is_fine FILE TEXT
is_fine() {
    printf '%b' "$2" >"$tree/$1"
    tests/lint.sh "$tree" && status=0 || status=1
    rm -f "$tree/$1"
    return "$status"
}

check "an include of a folder below" is_fine train/a.c '#include "base/status.h"\n'
check "an include of a folder above" \
    is_noticed base/a.c '#include "train/run.h"\n' 'base must not include train'
check "an include of a sub-folder from its folder" \
    is_noticed nn/a.c '#include "nn/layers/gru.h"\n' 'nn must not include nn/layers'
check "an include of the folder beside" \
    is_noticed nn/a.c '#include "dsp/fft.h"\n' 'nn must not include dsp'
check "an include without a folder" is_noticed dsp/a.c '#include "fft.h"\n' 'must not include'
check "a library outside the file that wraps it" \
    is_noticed train/a.c '#include <hdf5.h>\n' 'belongs to the files that wrap it'
check "one of several headers of a library" \
    is_noticed data/a.c '#include <libxml/parser.h>\n' 'belongs to the files that wrap it'

printf '#include "nn/a.h"\n' >"$tree/nn/b.h"
check "two units in a circle" is_noticed nn/a.c '#include "nn/b.h"\n' 'part of a circle'
check "one above another" is_fine nn/c.c '#include "nn/b.h"\n'
printf '#include "nn/a.h"\n' >"$tree/nn/a_internal.h"
check "a public and an internal header" is_fine nn/a.c '#include "nn/a_internal.h"\n'
rm -f "$tree"/nn/*.h

use='static int use(void) {\n    return help();\n}\n'
check "a function declared above its definition" is_noticed data/a.c \
    "static int help(void);\n${use}static int help(void) {\n    return 1;\n}\n" 'help is declared above'
check "functions that call each other" is_fine data/a.c \
    "static int help(void);\n${use}static int help(void) {\n    return use();\n}\n"
check "a library that prints" \
    is_noticed infer/a.c 'void f(void) {\n    puts("x");\n}\n' 'never print or exit'
check "a banned function" is_noticed cli/a.c 'int f(char *s) {\n    return atoi(s);\n}\n' 'banned'
check "its name in a comment" is_fine cli/a.c '/* atoi(s) */\n'

# edited EXPRESSION PART: the rules changed by sed are refused with PART.
edited() {
    sed "$1" docs/architecture.md >"$tree/docs/architecture.md"
    said=$(tests/lint.sh "$tree") && status=0 || status=$?
    echo "$said"
    [ "$status" -eq 1 ] && echo "$said" | grep -qF "$2"
}
printf 'int a;\n' >"$tree/base/a.c"
check "a row that allows an arrow up" \
    edited '/^| `dsp\/`/s/`base`/`base` `nn`/' 'dsp may not include nn, which is above it'
check "a missing row" edited '/^| `dsp\/`/d' 'out of place'
check "a missing last row" edited '/^| `base\/`/d' 'no row for base'

finish
