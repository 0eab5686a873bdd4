# shellcheck shell=sh disable=SC2034,SC2154
# tests/cluster/job.sh - what the tests of jobs of several ranks share; read after tests/test.sh.
program=$PWD/${BUILD:-build}/rimshot
export RIMSHOT_CACHE="$folder/cache"
# Debian's mpirun refuses root and more ranks than processors unless told otherwise.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_btl_base_warn_component_unused=0
# Ranks that wait let others have the processor, as more of them than processors must.
export OMPI_MCA_mpi_yield_when_idle=1

command -v mpirun >/dev/null || skip "no mpirun (Open MPI)"
grep -q ompi_mpi_comm_world "$program" || skip "built without MPI"
grep -q -e __asan_init -e __tsan_init "$program" && skip "Open MPI and sanitizers do not mix"

# Batch norm, GRU, dropout, mixup, a moving average of the weights, clips of many lengths.
cat >"$folder/net.yaml" <<'END'
name: net
dataset: {source: synth, per_class: 6, classes: [kick, snare, tom, clap, closedhat]}
audio: {sample_rate: 8000, seconds: 0.25, trim_db: -40}
features: {kind: log_mel, n_fft: 256, hop: 128, n_mels: 8}
augment:
  - gain: {p: 0.5, db: [-12, 0]}
  - noise: {p: 0.3, snr_db: [10, 40]}
network:
  - conv2d: {out: 4, kernel: 3, pad: same, bias: false}
  - batch_norm
  - relu
  - max_pool: 2
  - residual: {body: [{conv2d: {out: 4, kernel: 3, pad: same}}, batch_norm]}
  - to_sequence
  - batch_norm
  - gru: {hidden: 4, bidirectional: true}
  - time_pool: [mean, attention]
  - layer_norm
  - dropout: 0.2
  - linear: classes
train: {epochs: 3, batch: 9, ema: 0.5, mixup: 0.3, clip_norm: 1}
folds: {k: 2}
END

# ranks N ARGUMENT...: the program as N ranks of one thread.
ranks() {
    n=$1
    shift
    (cd "$folder" && timeout 120 mpirun -n "$n" "$program" "$@" --threads 1 --quiet)
}
# alone ARGUMENT...
alone() {
    (cd "$folder" && "$program" "$@" --threads 1 --quiet)
}
same() {
    diff -r "$folder/$1" "$folder/$2"
}
# says PART COMMAND...: fails, and says so in one line of the program's, whatever mpirun adds.
says() {
    part=$1
    shift
    "$@" >"$folder/out" 2>"$folder/err" && return 1
    cat "$folder/err"
    [ "$(grep -c '^rimshot: ' "$folder/err")" -eq 1 ] && grep '^rimshot: ' "$folder/err" | grep -qF -e "$part"
}
