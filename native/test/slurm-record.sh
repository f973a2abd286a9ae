#!/usr/bin/env bash
# `kareus profile record --slurm` on Debian's Slurm on this machine, in a folder of its own: a controller
# and two nodes, the simulated recorder on both; one node and the command itself lost on the way. Needs root, slurmctld and
# slurmd (slurm-wlm).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
for tool in slurmctld slurmd sbatch; do
  command -v "$tool" > /dev/null || { echo "skipped: no $tool" && exit 0; }
done
[ "$(id -u)" = 0 ] || { echo "skipped: no root" && exit 0; }
recorder=${KAREUS_SIMULATED_RECORDER:-$PWD/native/build/kareus-recorder-simulated}
[ -x "$recorder" ] || { echo "skipped: no $recorder" && exit 0; }

work=$(mktemp -d /tmp/kareus-slurm-XXXXXX)
daemons=()
recording=
finish() {
  [ -z "$recording" ] || kill "$recording" 2> /dev/null || true
  for daemon in "${daemons[@]}"; do kill "$daemon" 2> /dev/null || true; done
  wait 2> /dev/null || true
  rm -rf "$work"
}
trap finish EXIT

host=$(hostname -s)
cat > "$work/slurm.conf" << END
ClusterName=kareus
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
AuthType=auth/none
CredType=cred/none
SlurmctldPort=26917
StateSaveLocation=$work/ctld
SlurmdSpoolDir=$work/spool-%n
SlurmctldPidFile=$work/ctld.pid
SlurmdPidFile=$work/slurmd-%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/linear
MpiDefault=none
ReturnToService=2
SlurmdTimeout=5
KillWait=1
NodeName=n0 NodeHostname=$host NodeAddr=127.0.0.1 Port=26918 CPUs=1
NodeName=n1 NodeHostname=$host NodeAddr=127.0.0.1 Port=26919 CPUs=1
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
END
export SLURM_CONF=$work/slurm.conf
mkdir "$work/ctld" "$work/spool-n0" "$work/spool-n1"
slurmctld -D > "$work/ctld.log" 2>&1 & daemons+=($!)
slurmd -D -N n0 > "$work/n0.log" 2>&1 & daemons+=($!)
slurmd -D -N n1 > "$work/n1.log" 2>&1 & daemons+=($!)
n1=$!
both() { [ "$(sinfo -h -N -r -t idle -o %N 2> /dev/null | sort -u | wc -l)" = 2 ]; }
for _ in $(seq 100); do both && break; sleep 0.2; done
both || { cat "$work"/*.log && exit 1; }

# Node n1 falls silent after three answers.
cat > "$work/recorder" << END
#!/bin/bash
[ "\${SLURMD_NODENAME:-}" = n1 ] || exec $recorder "\$@"
echo \$PPID > $work/n1.job
$recorder "\$@" | head -4
exec sleep 1000
END
chmod +x "$work/recorder"

cat > "$work/record" << END
#!/bin/bash
exec node dist/src/cli/main.js profile record test/golden/mini.onnx --bind batch=4,sequence=512 --dtype bf16 \
  --tp 2 --settings 4 --gpu h200 --recorder $work/recorder --out "\$@"
END
chmod +x "$work/record"
settings() {
  node -e '
    const lines = require("node:fs").readFileSync(process.argv[1], "utf8").trimEnd().split("\n").slice(1);
    const untimed = ([name]) => !/^(time|energy|power|clock|temp|trials|window|precision)/.test(name);
    const of = (line) => JSON.stringify(Object.entries(JSON.parse(line)).filter(untimed));
    console.log(lines.map(of).sort().join("\n"));' "$1"
}

"$work/record" "$work/here.jsonl"
"$work/record" "$work/there.jsonl" --slurm & recording=$!
for _ in $(seq 300); do
  [ "$(cat "$work"/there.jsonl.slurm/round-0/*.answers 2> /dev/null | grep -c '"task"')" -gt 3 ] &&
    [ -s "$work/n1.job" ] && break
  sleep 0.1
done
sleep 1
# The node is gone: its daemon and all that it runs.
step=$(cat "$work/n1.job")
until [ "$(cat "/proc/$step/comm")" = slurmstepd ]; do
  step=$(awk '{ print $4 }' "/proc/$step/stat")
  [ "$step" -gt 1 ]
done
kill -9 "$n1"
for pid in $(pgrep -g "$(cat "$work/n1.job")") "$step"; do kill -9 "$pid" 2> /dev/null || true; done
# Whoever waits for the nodes is gone too, and begins again.
kill -9 "$recording"
wait "$recording" 2> /dev/null || true
rm "$work/there.jsonl"
before=$(cat "$work"/there.jsonl.slurm/round-0/*.answers | grep -c '"task"')
"$work/record" "$work/there.jsonl" --slurm

diff <(settings "$work/here.jsonl") <(settings "$work/there.jsonl")
grep -q n0 "$work"/there.jsonl.slurm/round-1/*.node
asked=$(cat "$work"/there.jsonl.slurm/round-1/*.tasks | wc -l)
all=$(($(wc -l < "$work/here.jsonl") - 1))
# The other node went on answering while the command began again.
after=$(cat "$work"/there.jsonl.slurm/round-0/*.answers | grep -c '"task"')
[ "$asked" -le $((all - before)) ] && [ "$asked" -ge $((all - after)) ] ||
  { echo "asked $asked again, $before to $after of $all were there" && exit 1; }
echo "ok     $all records by two nodes, what the lost one left by the other"
