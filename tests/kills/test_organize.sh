#!/bin/sh
# organize, killed, finished and undone (tests/kills/organize.py).
. tests/test.sh

build=${BUILD:-build}
command -v python3 >/dev/null || skip "no python3"

check "killed, finished and undone, a library is as it was" \
    python3 tests/kills/organize.py --program "$build/rimshot"
finish
