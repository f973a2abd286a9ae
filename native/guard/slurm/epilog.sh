#!/bin/sh
# Slurm's Epilog (and Prolog, see prolog.sh): unlocks the SM clocks of the job's GPUs. Slurm's own
# reset covers application clocks only. In slurm.conf:
#   Epilog=/etc/slurm/epilog.d/kareus.sh
# It fails, which drains the node, where clocks stay locked.
guard=${KAREUS_GUARD:-/usr/local/sbin/kareus-guard}
[ -x "$guard" ] || exit 0
# What the journal of this node says of jobs that are gone; what running jobs hold is left alone.
"$guard" --reset || exit 1
# The job's own GPUs, whatever the journal says: it may have gone with the job's container.
[ -z "$SLURM_JOB_GPUS" ] || "$guard" --reset $(echo "$SLURM_JOB_GPUS" | tr ',' ' ')
