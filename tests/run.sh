#!/bin/sh
# Runs the test programs given. Shows a line for each that passes and all that a failing one said.
# COUNTED names a file of two numbers, what has passed and failed before, which are counted in.
# The last line is "N passed, N failed"; the exit status is 0 only if something ran and all passed.
# UNDER is a command that runs them, with its arguments: a debugger's, for one.
# A program that crashes, says nothing or runs no checks counts as one failure; one that succeeds and
# says "skipped: REASON" counts as nothing. Lines that begin with "note: " are always shown.
passed=0
failed=0
[ -z "${COUNTED:-}" ] || read -r passed failed <"$COUNTED" || failed=1
unset COUNTED # some of the programs run this script themselves
output=$(mktemp) || exit 1
trap 'rm -f "$output"' EXIT

for program in "$@"; do
    name=${program#"${BUILD:-build}"/tests/}
    # shellcheck disable=SC2086
    ${UNDER:-} "$program" >"$output" 2>&1 </dev/null
    status=$?
    if [ "$status" -eq 0 ] && grep -q '^skipped: ' "$output"; then
        sed -n "s|^skipped: |skip $name: |p" "$output"
        continue
    fi
    # Check's summary: "100%: Checks: 7, Failures: 0, Errors: 0"
    set -- $(sed -n 's/^[0-9]*%: Checks: \([0-9]*\), Failures: \([0-9]*\), Errors: \([0-9]*\)$/\1 \2 \3/p' \
        "$output" | tail -n 1)
    checks=${1:-0}
    bad=$((${2:-0} + ${3:-0}))
    passed=$((passed + checks - bad))
    if [ "$bad" -eq 0 ] && { [ "$status" -ne 0 ] || [ "$checks" -eq 0 ]; }; then
        bad=1
    fi
    failed=$((failed + bad))
    if [ "$bad" -eq 0 ]; then
        echo "ok   $name ($checks)"
        sed -n 's|^note: |     |p' "$output"
    else
        cat "$output"
        echo "FAIL $name (exit status $status)"
    fi
done

echo "$passed passed, $failed failed"
[ "$passed" -gt 0 ] && [ "$failed" -eq 0 ]
