#!/bin/sh
# usage: ANALYZE_CFLAGS=... tests/analyze.sh FILE...   clang-tidy and cppcheck over sources: prints what they
# find; exit status 1 if anything was found. .clang-tidy and tests/cppcheck.supp say what is left out,
# and why.
set -u
found=0
n=$(nproc)
export TIDY="${CLANG_TIDY:-clang-tidy-14}"

# What defines the functions of tests/analyze.h goes without it, or a part of it.
# shellcheck disable=SC2016
printf '%s\n' "$@" | xargs -P "$n" -I{} sh -c '
    case "$1" in
    base/status.c) ;;
    base/csv.c | base/yaml.c) ANALYZE_CFLAGS="$ANALYZE_CFLAGS -DANALYZE_DEFINES -include tests/analyze.h" ;;
    *) ANALYZE_CFLAGS="$ANALYZE_CFLAGS -include tests/analyze.h" ;;
    esac
    eval "$TIDY --quiet $1 -- $ANALYZE_CFLAGS" 2>/dev/null' sh {} || found=1
cppcheck --quiet -j "$n" --enable=warning,performance,portability --std=c11 --library=posix -I. \
    -DRIMSHOT_VERSION='""' -DRIMSHOT_DATE='""' -DKERNEL_LEVEL=v3 \
    --suppressions-list=tests/cppcheck.supp --error-exitcode=1 "$@" || found=1
exit "$found"
