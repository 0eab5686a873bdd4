# shellcheck shell=sh
# tests/test.sh - what tests written in sh share; they read it with `. tests/test.sh`, check, and
# finish. They run from the top of the tree and write below $folder, which is removed at the end.
checks=0
failures=0
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' HUP INT TERM

# check TEXT COMMAND...: one check; shows what the command said if it fails.
check() {
    check_text=$1
    shift
    checks=$((checks + 1))
    "$@" >"$folder/said" 2>&1 && return 0
    failures=$((failures + 1))
    echo "FAIL: $check_text"
    sed 's/^/    /' "$folder/said"
}

# finish: the summary line that Check gives, for tests/run.sh.
finish() {
    [ "$checks" -gt 0 ] || exit 1
    echo "$((100 * (checks - failures) / checks))%: Checks: $checks, Failures: $failures, Errors: 0"
    exit "$((failures > 0))"
}

# skip REASON: ends a test for which something is missing on this machine.
skip() {
    echo "skipped: $1"
    exit 0
}
