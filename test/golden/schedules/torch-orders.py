"""Writes torch-orders.json: the orders of torch.distributed.pipelining (torch 2.13.0)."""

import json
import types
from pathlib import Path

from torch.distributed.pipelining import schedules

LETTERS = {"FORWARD": "f", "FULL_BACKWARD": "b", "BACKWARD_INPUT": "i", "BACKWARD_WEIGHT": "w"}
SIZES = [(2, 5, 2), (3, 7, 2), (4, 3, 3), (4, 6, 2), (4, 8, 2), (4, 10, 2), (3, 12, 3), (6, 20, 2)]

V_SIZES = [(1, 3), (2, 2), (2, 6), (3, 4), (4, 7), (4, 8), (5, 12), (6, 20)]


DUAL_SIZES = [(1, 2), (1, 5), (2, 4), (2, 9), (3, 6), (4, 8), (4, 11), (5, 12), (6, 20)]


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


def dualpipe_v(stages, microbatches):
    facts = types.SimpleNamespace(pp_group_size=stages, _n_microbatches=microbatches)
    order = schedules.ScheduleDualPipeV._calculate_single_rank_operations
    return [
        " ".join(
            spelled(part, stages)
            for action in order(facts, rank)
            # Pairs are run one after the other.
            for part in action.sub_actions or (action,)
        )
        for rank in range(stages)
    ]


def zb_v(stages, microbatches):
    facts = types.SimpleNamespace(
        pp_group_size=stages, num_stages=2 * stages, _n_microbatches=microbatches
    )
    order = schedules.ScheduleZBVZeroBubble._calculate_single_rank_operations
    return [
        " ".join(spelled(action, stages) for action in order(facts, rank) if action is not None)
        for rank in range(stages)
    ]


def entry(pipeline, stages, microbatches, chunks, orders):
    size = {"stages": stages, "microbatches": microbatches, "chunks": chunks}
    return {"pipeline": pipeline, **size, "orders": orders}


orders = [
    *(
        entry("interleaved-1f1b", s, m, v, interleaved(s, m, v))
        for s, m, v in SIZES
        if m % max(1, m // s) == 0
    ),
    *(entry("zb-v", s, m, 2, zb_v(s, m)) for s, m in V_SIZES),
    *(entry("dualpipe-v", s, m, 2, dualpipe_v(s, m)) for s, m in DUAL_SIZES),
]
Path(__file__).with_name("torch-orders.json").write_text(json.dumps(orders, indent=1) + "\n")
