#!/bin/sh
# Kills random ranks of jobs, resumes each with another number of ranks, and compares the bytes with
# those of a run that nobody ended.
# usage: tests/cluster/kills.sh [KILLS] [SEED]   (20 1)   A few minutes; not a part of `make check`.
. tests/test.sh
. tests/cluster/job.sh

kills=${1:-20}
# The numbers of the Park-Miller generator, so that a seed gives the same kills everywhere.
random=${2:-1}
draw() { # below $1
    random=$((random * 16807 % 2147483647))
    drawn=$((random * $1 / 2147483647))
}

settings="train.epochs=20 train.steps=2"
# shellcheck disable=SC2086
check "the run alone" alone train net.yaml $settings --out whole
n_killed=0
run=1
while [ "$n_killed" -lt "$kills" ]; do
    draw 4
    n=$((drawn + 1))
    draw 2
    share=1
    [ "$drawn" -eq 0 ] || share=$n
    # shellcheck disable=SC2086
    (cd "$folder" && exec mpirun -n "$n" "$program" train net.yaml $settings --out "run$run" --resume \
        --data-parallel "$share" --threads 1 --quiet) >"$folder/job" 2>&1 &
    job=$!
    draw 2500
    sleep "$(printf '0.%03d' $((drawn % 1000)))"
    sleep "$((drawn / 1000))"
    draw "$n"
    victim=$(ps -o pid= --ppid "$job" | sed -n "$((drawn + 1))p")
    if [ -n "$victim" ] && kill -9 $victim 2>/dev/null; then
        n_killed=$((n_killed + 1))
        echo "kill $n_killed: rank $drawn of $n, $share to a training, run $run" >&2
    fi
    if wait "$job"; then
        check "run $run ends with the same bytes" same whole "run$run"
        run=$((run + 1))
    fi
done
# shellcheck disable=SC2086
check "resumed" ranks 3 train net.yaml $settings --out "run$run" --resume
check "run $run ends with the same bytes" same whole "run$run"
echo "$n_killed kills in $run runs"
finish
