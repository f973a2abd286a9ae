#!/usr/bin/env bash
# The kill matrix at length, on the simulated driver: every way of kill_test and cgroup_test, and
# Slurm's scancel a tenth as often.
#   matrix.sh [<times>]      (200)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
export KAREUS_REPEATS=${1:-200}
../build.sh
../build/test/kill_test
../build/test/cgroup_test
./slurm.sh $(((KAREUS_REPEATS + 9) / 10))
./guard-files.sh
