#!/bin/sh
# Fuzz targets are named rightly, and each has inputs that are kept.
. tests/test.sh

# is_refused PART: run.sh, in the environment given before, refuses with a line that has PART.
is_refused() {
    said=$(tests/fuzz/run.sh "$folder" 2>&1) && status=0 || status=$?
    echo "$said"
    [ "$status" -eq 2 ] && [ "$(echo "$said" | wc -l)" -eq 1 ] && echo "$said" | grep -qF "$1"
}
export FUZZ TIME RUNS
FUZZ="csv cvs" TIME=1 RUNS=
check "a name of no target is refused" is_refused "'cvs'; there are: annotation "
FUZZ="csv" TIME=1m
check "a time that is no number is refused" is_refused "TIME and RUNS"
TIME="" RUNS=-1
check "a number of runs below 0 is refused" is_refused "TIME and RUNS"

has_whole_input() {
    ls "tests/fuzz/corpus/$1"/whole* >/dev/null
}
for source in tests/fuzz/fuzz_*.c; do
    target=$(basename "${source#tests/fuzz/fuzz_}" .c)
    check "$target has an input that is read" has_whole_input "$target"
done
has_target() {
    [ -f "tests/fuzz/fuzz_$1.c" ]
}
for inputs in tests/fuzz/corpus/*; do
    check "$inputs belongs to a target" has_target "$(basename "$inputs")"
done

finish
