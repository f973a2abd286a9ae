#!/usr/bin/env bash
# Debian's Slurm on this machine, in a folder of its own: scancel of a job that has locked a clock of
# the simulated driver, once for each layer. Needs root, slurmctld and slurmd (slurm-wlm), v1 freezer.
#   slurm.sh [<times>]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
times=${1:-1}
for tool in slurmctld slurmd scancel; do
  command -v "$tool" > /dev/null || { echo "skipped: no $tool" && exit 0; }
done
[ "$(id -u)" = 0 ] && [ -d /sys/fs/cgroup/freezer ] || { echo "skipped: no root, or no v1 freezer" && exit 0; }

work=$(mktemp -d /tmp/kareus-slurm-XXXXXX)
build=$PWD/build
daemons=()
finish() {
  for daemon in "${daemons[@]}"; do kill "$daemon" 2> /dev/null || true; done
  wait 2> /dev/null || true
  rm -rf "$work"
}
trap finish EXIT

export KAREUS_NVML=$build/simulated/libnvidia-ml.so.1 KAREUS_CUDA=$build/simulated/libcuda.so.1
export KAREUS_SIM=devices=1 KAREUS_SIM_STATE=$work/nvml.state KAREUS_STATE_DIR=$work/state
export KAREUS_PRIVILEGED=1 KAREUS_GUARD=$build/kareus-guard KAREUS_GUARDD=$work/guardd/guardd.sock
mkdir "$work/state" "$work/guardd" "$work/spool" "$work/ctld"
chmod 700 "$work/state" "$work/guardd"
env | grep ^KAREUS > "$work/environment"

host=$(hostname -s)
cat > "$work/cgroup.conf" << END
CgroupPlugin=cgroup/v1
CgroupMountpoint=/sys/fs/cgroup
END
cat > "$work/slurm.conf" << END
ClusterName=kareus
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
AuthType=auth/none
CredType=cred/none
SlurmctldPort=26817
SlurmdPort=26818
StateSaveLocation=$work/ctld
SlurmdSpoolDir=$work/spool
SlurmctldPidFile=$work/ctld.pid
SlurmdPidFile=$work/slurmd.pid
ProctrackType=proctrack/cgroup
TaskPlugin=task/none
SelectType=select/linear
MpiDefault=none
ReturnToService=2
KillWait=1
Epilog=$work/epilog.sh
NodeName=$host NodeAddr=127.0.0.1 CPUs=1 State=UNKNOWN
PartitionName=all Nodes=$host Default=YES MaxTime=INFINITE State=UP
END
export SLURM_CONF=$work/slurm.conf
cat > "$work/epilog.sh" << END
#!/bin/bash
[ -e $work/with-epilog ] || exit 0
set -a; . $work/environment; set +a
exec $PWD/guard/slurm/epilog.sh
END
chmod +x "$work/epilog.sh"
slurmctld -D -f "$work/slurm.conf" > "$work/ctld.log" 2>&1 & daemons+=($!)
slurmd -D -N "$host" -f "$work/slurm.conf" > "$work/slurmd.log" 2>&1 & daemons+=($!)
for _ in $(seq 100); do
  sinfo -h -o %T 2> /dev/null | grep -q idle && break
  sleep 0.2
done
sinfo -h -o %T | grep -q idle || { cat "$work"/*.log && exit 1; }

locked() { "$build/simulated/kareus-sim" 0 locked_mhz; }
until_is() { for _ in $(seq 100); do [ "$(locked)" = "$1" ] && return 0; sleep 0.1; done; return 1; }
no_job() { for _ in $(seq 150); do [ -z "$(squeue -h)" ] && return 0; sleep 0.1; done; return 1; }

# once <what> <stay or empty>: a job that locks, cancelled with SIGKILL.
once() {
  "$build/simulated/kareus-sim" 0 locked_mhz 0 > /dev/null
  rm -f "$work"/state/*
  KAREUS_GUARD_CGROUP=$1 sbatch -o /dev/null --wrap "exec $build/test/job wait" > /dev/null
  until_is 900 || { cat "$work"/*.log && exit 1; }
  scancel --signal=KILL --full "$(squeue -h -o %A)"
  no_job
}

for _ in $(seq "$times"); do
  once ""
  until_is 0
done
echo "ok     scancel, the guard has left the job's cgroup: $times of $times reset"
touch "$work/with-epilog"
for _ in $(seq "$times"); do
  once stay
  until_is 0
done
rm "$work/with-epilog"
echo "ok     scancel, guard killed too, epilog: $times of $times reset"
"$build/kareus-guardd" > /dev/null 2>&1 & daemons+=($!)
for _ in $(seq "$times"); do
  once stay
  until_is 0
done
kill "${daemons[-1]}"
wait "${daemons[-1]}" || true # or it may still take the next job's lease
echo "ok     scancel, guard killed too, kareus-guardd: $times of $times reset"
for _ in $(seq "$times"); do
  once stay
  [ "$(locked)" = 900 ]
  "$build/kareus-guard" --list | grep -q stale
  "$build/kareus-guard" --reset > /dev/null
  [ "$(locked)" = 0 ]
done
echo "ok     scancel, no layer: $times of $times told and reset by hand"
