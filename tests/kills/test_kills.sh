#!/bin/sh
# A short `make kills`.
. tests/test.sh

build=${BUILD:-build}
command -v python3 >/dev/null || skip "no python3"
grep -q -e __asan_init -e __tsan_init "$build/rimshot" && skip "a sanitizer must be loaded first"

check "killed and resumed, everything ends with the same bytes" \
    python3 tests/kills/kills.py --program "$build/rimshot" --preload "$build/tests/faults/fault.so" --kills 20
finish
