#!/bin/sh
# Slurm's Prolog: a job starts on GPUs whose clocks are free, however the one before it ended.
exec "$(dirname "$0")/epilog.sh"
