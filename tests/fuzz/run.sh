#!/bin/sh
# usage: tests/fuzz/run.sh BUILD SECONDS   Runs the targets in BUILD/fuzz, or those that FUZZ names.
# Prints a line for each: executions, and what was found. Exit status 1 if anything was.
set -eu
build=$1
seconds=$2
export OPENBLAS_NUM_THREADS=1 # as the program has it; its threads wait by spinning
export ASAN_OPTIONS="allocator_may_return_null=1:detect_leaks=1"
export LSAN_OPTIONS="suppressions=$PWD/tests/lsan.supp:print_suppressions=0"
[ -d "$build/corpus" ] || tests/fuzz/seeds.sh "$build/corpus"

found=0
for target in ${FUZZ:-$(ls "$build/fuzz")}; do
    [ -x "$build/fuzz/$target" ] && [ ! -d "$build/fuzz/$target" ] || continue
    corpus=$build/corpus/$target
    log=$build/fuzz-$target.log
    mkdir -p "$corpus"
    status=0
    dictionary=tests/fuzz/$target.dict
    [ -f "$dictionary" ] && dictionary=-dict=$dictionary || dictionary=-use_counters=1
    nice -n 19 "$build/fuzz/$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
        -max_len=65536 -print_final_stats=1 -artifact_prefix="$build/corpus/$target-" \
        "$dictionary" "$corpus" >"$log" 2>&1 || status=$?
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    if [ "$status" -eq 0 ]; then
        echo "ok   $target: ${runs:-0} executions"
    else
        found=1
        echo "FAIL $target: see $log"
        grep -m 1 -E 'ERROR|runtime error' "$log" || true
    fi
done
exit "$found"
