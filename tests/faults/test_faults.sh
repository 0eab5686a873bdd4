#!/bin/sh
# A short `make faults`.
. tests/test.sh

build=${BUILD:-build}
command -v python3 >/dev/null || skip "no python3"
grep -q -e __asan_init -e __tsan_init "$build/rimshot" && skip "a sanitizer must be loaded first"

check "a call that fails ends in the same result or one clear line" \
    python3 tests/faults/faults.py --program "$build/rimshot" --preload "$build/tests/faults/fault.so" \
    --sample 100 --kind read --kind write --kind open --kind sync --kind rename --kind mmap
finish
