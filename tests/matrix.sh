#!/bin/sh
# Runs the tests that promise bits under every kernel of OpenBLAS and every instruction-set level
# that this processor runs: QUICK under each pair of them, SLOW under each kernel with the level of
# its time, and says which. What passed and failed is left in $BUILD/matrix.count for tests/run.sh.
# A kernel that OpenBLAS replaces by another is not counted.
BUILD=${BUILD:-build}
export BUILD
unset COUNTED
echo "0 1" >"$BUILD/matrix.count"
passed=0
failed=0
n_pairs=0
output=$(mktemp) || exit 1
trap 'rm -f "$output"' EXIT

# fact KEY: of what the bench program says about the kernels in use, under the present environment.
fact() {
    "$BUILD/bench" kernel 2>/dev/null | sed -n "s/.*\"$1\": \"\{0,1\}\([A-Za-z0-9]*\).*/\1/p"
}

# run_pair KERNEL LEVEL PROGRAM...
run_pair() {
    kernel=$1
    level=$2
    shift 2
    OPENBLAS_CORETYPE=$kernel RIMSHOT_LEVEL=v$level tests/run.sh "$@" >"$output" 2>&1
    line=$(tail -n 1 "$output")
    good=${line%% passed*}
    bad=${line##*, }
    bad=${bad%% failed*}
    n_pairs=$((n_pairs + 1))
    passed=$((passed + ${good:-0}))
    failed=$((failed + ${bad:-1}))
    [ "${bad:-1}" -eq 0 ] || cat "$output"
    echo "$kernel v$level: $line"
}

highest=$(RIMSHOT_LEVEL='' fact level)
for row in Prescott:2 Nehalem:2 Sandybridge:2 Haswell:3 Zen:3 SkylakeX:4; do
    name=${row%:*}
    own=${row#*:}
    # OpenBLAS takes what it is told, also what the processor cannot do; Sandybridge needs AVX.
    if [ "$own" -gt "${highest:-0}" ] ||
        { [ "$name" = Sandybridge ] && ! grep -qw avx /proc/cpuinfo; }; then
        echo "$name: not for this processor"
        continue
    fi
    if [ "$(OPENBLAS_CORETYPE=$name fact kernel)" != "$name" ]; then
        echo "$name: OpenBLAS does not have it"
        continue
    fi
    for at in 2 3 4; do
        [ "$at" -le "$highest" ] || continue
        programs=$QUICK
        [ "$at" -ne "$own" ] || programs="$QUICK $SLOW"
        # shellcheck disable=SC2086
        run_pair "$name" "$at" $programs
    done
done

echo "$passed $failed" >"$BUILD/matrix.count"
echo "$n_pairs pairs of kernel and level: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
