"""Writes torch-orders.json: the orders of torch.distributed.pipelining (torch 2.13.0)."""

import json
import types
from pathlib import Path

from torch.distributed.pipelining import schedules

LETTERS = {"FORWARD": "f", "FULL_BACKWARD": "b"}
SIZES = [(2, 5, 2), (3, 7, 2), (4, 3, 3), (4, 6, 2), (4, 8, 2), (4, 10, 2), (3, 12, 3), (6, 20, 2)]


def spelled(action, stages):
    stage, kind, microbatch = action[:3]
    return f"{LETTERS[kind.name]}{microbatch}.{stage // stages}"


def interleaved(stages, microbatches, chunks):
    rounds = max(1, microbatches // stages)
    facts = types.SimpleNamespace(
        n_local_stages=chunks,
        pp_group_size=stages,
        _n_microbatches=microbatches,
        number_of_rounds=rounds,
        microbatches_per_round=microbatches // rounds,
    )
    order = schedules.ScheduleInterleaved1F1B._calculate_single_rank_operations
    return [
        " ".join(spelled(action, stages) for action in order(facts, rank) if action is not None)
        for rank in range(stages)
    ]


orders = [
    {"stages": s, "microbatches": m, "chunks": v, "orders": interleaved(s, m, v)}
    for s, m, v in SIZES
    if m % max(1, m // s) == 0
]
Path(__file__).with_name("torch-orders.json").write_text(json.dumps(orders, indent=1) + "\n")
