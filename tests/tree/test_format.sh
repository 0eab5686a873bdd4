#!/bin/sh
# All C stands as clang-format 14 writes it (`make format`).
. tests/test.sh

command -v "${CLANG_FORMAT:=clang-format-14}" >/dev/null 2>&1 || skip "$CLANG_FORMAT is not installed"

is_formatted() {
    "$CLANG_FORMAT" --dry-run -Werror "$@"
}
printf 'int a ;\n' >"$folder/a.c"
cp .clang-format "$folder"
is_refused() {
    ! is_formatted "$1"
}
check "a file that is not formatted is refused" is_refused "$folder/a.c"

# shellcheck disable=SC2046
check "the tree is formatted" is_formatted $(MAKEFLAGS='' make -s print-FORMATTED)

finish
