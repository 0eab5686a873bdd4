#!/bin/sh
# Trainings dealt to ranks end with the same bytes, whatever dies on the way; mistakes are one line.
. tests/test.sh
. tests/cluster/job.sh

check "a run alone" alone train net.yaml --out alone
for n in 1 3 5; do
    check "$n ranks" ranks "$n" train net.yaml --out "dealt$n"
    check "$n ranks leave the same bytes" same alone "dealt$n"
done

# Rank 1 is killed as soon as a checkpoint is there; other ranks go on with the run.
killed_rank_ends_the_job() {
    (cd "$folder" && exec mpirun -n 2 "$program" train net.yaml train.epochs=40 --out killed --threads 1 --quiet) \
        >"$folder/job" 2>&1 &
    job=$!
    until [ -f "$folder/killed/final/last.h5" ] && [ -f "$folder/killed/fold1/last.h5" ]; do sleep 0.02; done
    victim=$(ps -o pid= --ppid "$job" | tail -n 1)
    kill -9 "$victim"
    wait "$job" && return 1
    cat "$folder/job"
    grep -q 'exited on signal 9' "$folder/job"
}
check "a rank that dies ends the job" killed_rank_ends_the_job
check "the same run alone" alone train net.yaml train.epochs=40 --out whole
check "other ranks resume it" ranks 3 train net.yaml train.epochs=40 --out killed --resume
check "to the same bytes" same whole killed

level_differs() {
    (cd "$folder" && RIMSHOT_LEVEL='' mpirun -n 1 "$program" train net.yaml --out bad --threads 1 \
        : -n 1 -x RIMSHOT_LEVEL=v2 "$program" train net.yaml --out bad --threads 1)
}
config_differs() {
    (cd "$folder" && mpirun -n 1 "$program" train net.yaml --out bad --threads 1 \
        : -n 1 "$program" train net.yaml --out bad --threads 1 train.epochs=9)
}
kernel_differs() {
    (cd "$folder" && OPENBLAS_CORETYPE=Nehalem mpirun -n 1 "$program" train net.yaml --out bad --threads 1 \
        : -n 1 -x OPENBLAS_CORETYPE=Prescott "$program" train net.yaml --out bad --threads 1)
}
folder_differs() {
    mkdir -p "$folder/a" "$folder/b"
    cp "$folder/net.yaml" "$folder/a"
    cp "$folder/net.yaml" "$folder/b"
    mpirun -n 1 --wdir "$folder/a" "$program" train net.yaml --out bad --threads 1 \
        : -n 1 --wdir "$folder/b" "$program" train net.yaml --out bad --threads 1
}
if [ "$(uname -m)" = x86_64 ]; then
    check "kernels of another level" says 'kernels of level v2 here' level_differs
    check "another BLAS kernel" says 'OpenBLAS kernel Prescott here, Nehalem on rank 0' kernel_differs
fi
check "another configuration" says 'rank 1 (' config_differs
check "a folder that is not shared" says 'not the folder that rank 0 works in' folder_differs
check "a configuration that is not there" says 'no.yaml: No such file' ranks 2 train no.yaml
check "a folder that exists" says 'already exists' ranks 2 train net.yaml --out alone
check "folds side by side" says 'parallel-folds' ranks 2 train net.yaml --out bad --parallel-folds 2
more_ranks() {
    (cd "$folder" && mpirun -n 5 "$program" train net.yaml --out dealt5 --overwrite --threads 1 2>&1 >/dev/null) |
        grep 'more ranks than work: 2 have nothing to do'
}
check "more ranks than work are told" more_ranks
finish
