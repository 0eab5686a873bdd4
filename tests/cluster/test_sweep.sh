#!/bin/sh
# A sweep's cells dealt to ranks, and trained one by one as a scheduler's array does.
. tests/test.sh
. tests/cluster/job.sh

cat >"$folder/sweep.yaml" <<'END'
name: little
config: net.yaml
set: [train.final=none]
grid:
  train.batch: [9, 1]
  train.mixup: {plain: 0, mixed: 0.3}
END

# One of the four cells cannot be trained: mixup needs a batch of two.
fails() {
    "$@" && return 1
    return 0
}
tables() {
    for file in table.csv margins.csv table.md table.tex; do
        cmp "$folder/alone/$file" "$folder/$1/$file" || return 1
    done
}
cells_of() {
    for cell in batch-9,mixup-plain batch-9,mixup-mixed batch-1,mixup-plain; do
        same "alone/$cell" "$1/$cell" || return 1
    done
}
check "a sweep alone" fails alone sweep sweep.yaml --out alone
for n in 2 4 6; do
    check "$n ranks" fails ranks "$n" sweep sweep.yaml --out "dealt$n"
    check "$n ranks leave the same cells" cells_of "dealt$n"
    check "$n ranks make the same tables" tables "dealt$n"
done
check "4 ranks that share trainings by two" fails ranks 4 sweep sweep.yaml --out shared --data-parallel 2
check "they leave the same cells" cells_of shared

listed() {
    [ "$(alone sweep sweep.yaml --out array --cells | cut -f 1,2 | tr '\n\t' ' :')" = \
        '1:to-do 2:to-do 3:to-do 4:wrong ' ]
}
check "cells are listed for scripts" listed
# All at once, as an array's tasks start.
array() {
    pids=
    for cell in 1 2 3 4; do
        (cd "$folder" && "$program" sweep sweep.yaml --out array --cell "$cell" --threads 1 --quiet) &
        pids="$pids $!"
    done
    n_failed=0
    for pid in $pids; do wait "$pid" || n_failed=$((n_failed + 1)); done
    [ "$n_failed" -eq 1 ]
}
missing() {
    (cd "$folder" && "$program" sweep sweep.yaml --out array --collect >out 2>err) && return 1
    grep -x '1 of 4 cells are not finished' "$folder/err"
}
check "an array of cells" array
check "collects its tables, and says that one is missing" missing
check "leaves the same cells" cells_of array
check "and the same tables" tables array
check "a cell that is finished stays as it is" alone sweep sweep.yaml --out array --cell 2
check "a cell that is not there" says '--cell=9: there are 4 cells' alone sweep sweep.yaml --cell 9
check "one task at a time" says 'exclude each other' alone sweep sweep.yaml --cell 1 --collect
finish
