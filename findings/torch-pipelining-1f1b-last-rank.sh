#!/usr/bin/env bash
# torch 2.13.0: the order that torch.distributed.pipelining.Schedule1F1B keeps of itself (pipeline_order).
# Expected: every rank runs forwards and backwards of microbatches 0 to M-1.
# Seen: on the last rank forwards are numbered 1 to M, backwards 0 to M-1: B0 stands before F0, which is
# never listed, and F4 is a microbatch that does not exist. The run itself does not read this list and is right;
# whoever plans or checks by it is off by one on one rank.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
from types import SimpleNamespace
from torch.distributed.pipelining.schedules import Schedule1F1B

shape = SimpleNamespace(_num_stages=2, _n_microbatches=4)
order = Schedule1F1B._get_pipeline_order(shape)
listed = {rank: " ".join(str(action) for action in actions if action is not None) for rank, actions in order.items()}
for rank, actions in listed.items():
    print(f"rank {rank}: {actions}")
assert listed == {
    0: "0F0 0F1 0B0 0F2 0B1 0F3 0B2 0B3 0REDUCE_GRAD",
    1: "1F1 1B0 1F2 1B1 1F3 1B2 1F4 1B3 1REDUCE_GRAD",
}, "the behaviour has changed"
PYTHON
