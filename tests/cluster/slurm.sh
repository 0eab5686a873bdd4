#!/bin/sh
# A real Slurm (slurmctld, slurmd and munge from Debian) on this one machine runs an array sweep and
# an MPI job that is preempted and requeued; both must end with the bytes of runs without Slurm.
# usage: tests/cluster/slurm.sh   As root, because slurmd starts jobs for others. Not a part of `make
# check`: it takes minutes, and needs slurmctld slurmd slurm-client munge openmpi-bin.
. tests/test.sh
. tests/cluster/job.sh

[ "$(id -u)" = 0 ] || skip "slurmd needs root"
for needed in munged slurmctld slurmd sbatch; do
    command -v "$needed" >/dev/null || skip "no $needed"
done
export SLURM_CONF="$folder/slurm.conf"
state=$folder/state
mkdir -p "$state/ctld" "$state/d" "$state/munge"
chmod 700 "$state/munge"
chmod 755 "$folder" "$state"
host=$(hostname -s)

stop_all() {
    for service in slurmd slurmctld munged; do
        [ ! -f "$state/$service.pid" ] || kill "$(cat "$state/$service.pid")" 2>/dev/null
    done
    rm -rf "$folder"
}
trap stop_all EXIT

cat >"$SLURM_CONF" <<END
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
AuthType=auth/munge
AuthInfo=socket=$state/munge/socket
SlurmUser=root
SlurmctldPort=16817
SlurmdPort=16818
StateSaveLocation=$state/ctld
SlurmdSpoolDir=$state/d
SlurmctldPidFile=$state/slurmctld.pid
SlurmdPidFile=$state/slurmd.pid
SlurmctldLogFile=$state/slurmctld.log
SlurmdLogFile=$state/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=bf_interval=2
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
KillWait=10
ReturnToService=2
NodeName=$host NodeAddr=127.0.0.1 CPUs=$(nproc) State=UNKNOWN
PartitionName=low Nodes=$host Default=YES PriorityTier=1 PreemptMode=REQUEUE GraceTime=60
PartitionName=high Nodes=$host PriorityTier=10 PreemptMode=OFF
END
dd if=/dev/urandom of="$state/munge/key" bs=1024 count=1 2>/dev/null
chmod 400 "$state/munge/key"
munged --key-file="$state/munge/key" --socket="$state/munge/socket" --pid-file="$state/munged.pid" \
    --log-file="$state/munge/log" --seed-file="$state/munge/seed" --force || skip "munged does not start"
slurmctld
slurmd -N "$host"

started() {
    for i in $(seq 100); do
        sinfo -h -o %T 2>/dev/null | grep -q idle && return 0
        sleep 0.2
    done
    sinfo
    tail -n 5 "$state"/*.log
    return 1
}
check "slurmctld and slurmd start" started

# over JOB: waits for the end of a job, which must be a good one.
over() {
    while squeue -h -j "$1" 2>/dev/null | grep -q .; do sleep 0.5; done
    scontrol show job "$1" | grep -E 'JobState|Restarts'
    ! scontrol show job "$1" | grep -qE 'JobState=(FAILED|TIMEOUT|CANCELLED|PREEMPTED)'
}

cat >"$folder/sweep.yaml" <<'END'
name: little
config: net.yaml
set: [train.final=none]
grid:
  train.batch: [9, 6]
  train.mixup: {plain: 0, mixed: 0.3}
END

# ---- an array: a task for each cell, then the tables, as docs/cluster.md has it ----

cat >"$folder/array.sh" <<END
#!/bin/sh
#SBATCH --job-name=sweep --ntasks=1 --cpus-per-task=1 --requeue --output=$folder/array-%a.log
srun "$program" sweep sweep.yaml --out array --cell "\$SLURM_ARRAY_TASK_ID" --threads 1 --quiet
status=\$?
[ \$status -ne 130 ] || scontrol requeue "\$SLURM_JOB_ID"
exit \$status
END
cat >"$folder/collect.sh" <<END
#!/bin/sh
#SBATCH --job-name=collect --ntasks=1 --output=$folder/collect.log
exec "$program" sweep sweep.yaml --out array --collect
END
check "the sweep alone" alone sweep sweep.yaml --out alone
run_array() {
    cd "$folder" || return 1
    n=$("$program" sweep sweep.yaml --out array --cells | wc -l)
    array=$(sbatch --parsable --array="1-$n" array.sh)
    collect=$(sbatch --parsable --dependency="afterany:$array" collect.sh)
    over "$collect"
    status=$?
    cat array-*.log collect.log
    return "$status"
}
check "an array sweep" run_array
check "ends with the same bytes" diff -r "$folder/alone" "$folder/array"

# ---- an MPI job that is preempted, requeued and resumed ----

cat >"$folder/train.sh" <<END
#!/bin/sh
#SBATCH --job-name=train --partition=low --ntasks=2 --requeue --open-mode=append --output=$folder/train.log
srun --mpi=pmix "$program" train net.yaml train.epochs=400 --out mpi --resume --threads 1 --quiet
status=\$?
[ \$status -ne 130 ] || scontrol requeue "\$SLURM_JOB_ID"
exit \$status
END
cat >"$folder/urgent.sh" <<END
#!/bin/sh
#SBATCH --job-name=urgent --partition=high --ntasks=2 --output=$folder/urgent.log
sleep 3
END
check "the run alone" alone train net.yaml train.epochs=400 --out whole
run_preempted() {
    cd "$folder" || return 1
    job=$(sbatch --parsable train.sh)
    until [ -f mpi/final/last.h5 ]; do sleep 0.1; done
    begin=$(date +%s)
    urgent=$(sbatch --parsable urgent.sh)
    over "$urgent"
    echo "the urgent job was over after $(($(date +%s) - begin)) s"
    over "$job"
    status=$?
    scontrol show job "$job" | grep -q 'Restarts=[1-9]' || status=1
    cat train.log
    return "$status"
}
check "an MPI job is preempted and requeued" run_preempted
cat "$folder/said"
check "and ends with the same bytes" diff -r "$folder/whole" "$folder/mpi"
finish
