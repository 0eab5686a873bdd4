#!/bin/sh
# usage: tests/fuzz/run.sh BUILD   Runs the targets in BUILD/fuzz, or those that FUZZ names, each for
# TIME seconds or RUNS executions (of both, what ends first; neither: a minute). Slow targets get a
# part of RUNS. Inputs are those of tests/fuzz/corpus and those found before, in BUILD/corpus.
# Prints a line for each target: executions, and what was found. Exit status 1 if anything was, 2
# for a name that is none of a target.
set -eu
build=$1
export OPENBLAS_NUM_THREADS=1 # as the program has it; its threads wait by spinning
export ASAN_OPTIONS="allocator_may_return_null=1:detect_leaks=1:quarantine_size_mb=16"
export LSAN_OPTIONS="suppressions=$PWD/tests/lsan.supp:print_suppressions=0"
known=$(for source in tests/fuzz/fuzz_*.c; do basename "${source#tests/fuzz/fuzz_}" .c; done)

for target in ${FUZZ:-}; do
    echo "$known" | grep -qxF "$target" || {
        echo "fuzz: no target is called '$target'; there are: $(echo "$known" | tr '\n' ' ')" >&2
        exit 2
    }
done
case "${TIME:-0}${RUNS:-0}" in
*[!0-9]*)
    echo "fuzz: TIME and RUNS are whole numbers" >&2
    exit 2
    ;;
esac

# limits TARGET: libFuzzer's options for when it ends.
limits() {
    runs=${RUNS:-}
    case "$1" in
    audio | model) [ -z "$runs" ] || runs=$((runs / 10)) ;;
    keras_file) [ -z "$runs" ] || runs=$((runs / 100)) ;;
    esac
    [ -z "$runs" ] || echo "-runs=$runs"
    [ -n "${TIME:-}${RUNS:-}" ] || TIME=60
    [ -z "${TIME:-}" ] || echo "-max_total_time=$TIME"
}

found=0
for target in ${FUZZ:-$known}; do
    corpus=$build/corpus/$target
    log=$build/fuzz-$target.log
    mkdir -p "$corpus"
    status=0
    # shellcheck disable=SC2046
    nice -n 19 "$build/fuzz/$target" $(limits "$target") -timeout=10 -rss_limit_mb=2048 \
        -max_len=65536 -print_final_stats=1 -artifact_prefix="$build/corpus/$target-" \
        "$corpus" "tests/fuzz/corpus/$target" >"$log" 2>&1 || status=$?
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
