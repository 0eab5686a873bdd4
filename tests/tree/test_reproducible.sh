#!/bin/sh
# Two folders give the same bytes: of a few files of each kind here, of all by `make reproducible`.
. tests/test.sh

parts="obj/base/status.o obj/train/facts.o obj/generated/infer/export/onnx.pb-c.o"
[ "$(uname -m)" != x86_64 ] || parts="$parts obj/dsp/kernels_v3.o"
same() {
    # shellcheck disable=SC2086
    MAKEFLAGS='' tests/reproducible.sh $parts
}
check "objects are the same bytes" same

no_clock() {
    # shellcheck disable=SC2046
    ! grep -nE '__(DATE|TIME|TIMESTAMP)__' $(git ls-files '*.[ch]' 2>/dev/null || find . -name '*.[ch]')
}
check "no source asks for the time of the build" no_clock

finish
