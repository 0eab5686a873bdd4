#!/bin/sh
# Ranks that share trainings (--data-parallel) end with the same bytes.
. tests/test.sh
. tests/cluster/job.sh

# shared N K NAME ARGUMENT...: N ranks in groups of K do what NAME did alone.
shared() {
    n=$1 k=$2 name=$3
    shift 3
    rm -rf "$folder/shared"
    ranks "$n" train net.yaml "$@" --out shared --data-parallel "$k" && same "$name" shared
}

check "a run alone" alone train net.yaml --out alone
check "2 ranks share each training" shared 2 2 alone
check "3 ranks, whose shards are no whole branches of the tree" shared 3 3 alone
check "2 groups of 2" shared 4 2 alone
check "8 ranks" shared 8 8 alone

# Batches of fewer samples than shards, several to a step; shards that are no power of two.
set -- train.shards=5 train.batch=4 train.accumulate=2 train.result=best train.mixup=0
check "another number of shards" alone train net.yaml "$@" --out five
check "5 ranks for 4 samples" shared 5 5 five "$@"
check "2 of them" shared 2 2 five "$@"
shards_decide() {
    alone train net.yaml train.shards=64 --out many && ! cmp "$folder/alone/fold1/last.h5" "$folder/many/fold1/last.h5"
}
check "shards are part of what decides the bits" shards_decide

stopped_and_resumed() {
    (cd "$folder" && exec mpirun -n 2 "$program" train net.yaml train.epochs=60 --out stopped --threads 1 --quiet \
        --data-parallel 2) >"$folder/job" 2>&1 &
    job=$!
    until [ -f "$folder/stopped/final/last.h5" ]; do sleep 0.02; done
    kill -TERM "$job"
    wait "$job" && return 1
    cat "$folder/job"
    ranks 3 train net.yaml train.epochs=60 --out stopped --resume --data-parallel 3
}
check "a job that is told to stop is resumed by other ranks" stopped_and_resumed
check "the same run alone" alone train net.yaml train.epochs=60 --out whole
check "to the same bytes" same whole stopped

check "more ranks than shards" says 'more ranks than work: a batch has 2 shards' \
    ranks 4 train net.yaml train.shards=2 --out bad --data-parallel 4
check "ranks that make no whole groups" says '3 ranks do not make whole groups' \
    ranks 3 train net.yaml --out bad --data-parallel 2
check "without ranks" says 'needs 2 ranks' alone train net.yaml --out bad --data-parallel 2
finish
