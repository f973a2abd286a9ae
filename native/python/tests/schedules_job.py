"""All ranks of a job that trains with every schedule of torch.distributed.pipelining, one after the other.

Prints one JSON object: by schedule and rank the order that the adapter foretells, the order in which
torch ran, what the shim recorded, the clocks that were set, and the losses without and with a plan.
"""

import json
import logging
import os
import sys
import tempfile
from importlib.util import find_spec
from types import SimpleNamespace

import support
import torch
import torch.distributed as dist
from ranks import gather, spawn
from torch.distributed.pipelining import PipelineStage, schedules
from torch.distributed.pipelining.stage import _PipelineStageBase

from kareus_runtime import Options, PlanRefused, Runtime, communication_groups
from kareus_runtime.adapters import pipelining
from kareus_runtime.native import KINDS

MICROBATCHES, WIDTH, STEPS = 8, 8, 2
LOOPED = ("Interleaved1F1B", "LoopedBFS", "InterleavedZeroBubble")
V_SHAPED = ("ZBVZeroBubble", "DualPipeV")
# Made by torchtitan's own builder, where it is installed.
BY_TORCHTITAN = "torchtitan/"
TITAN = ("1F1B", "Interleaved1F1B", "ZBVZeroBubble") if find_spec("torchtitan") else ()
NAMES = ("GPipe", "1F1B", *LOOPED, *V_SHAPED, *(BY_TORCHTITAN + name for name in TITAN))
EVALUATED = ("1F1B", "Interleaved1F1B")
RAN = []


def note_what_runs():
    """Torch's own methods say what they run, whatever an adapter does around them."""
    forward, backward = _PipelineStageBase.forward_one_chunk, _PipelineStageBase.backward_one_chunk
    weight = _PipelineStageBase.backward_weight_one_chunk

    def forward_one_chunk(self, chunk_id, *args, **kwargs):
        if self.has_backward:
            RAN.append(("forward", chunk_id, self.stage_index))
        return forward(self, chunk_id, *args, **kwargs)

    def backward_one_chunk(self, chunk_id, loss=None, full_backward=True, last_backward=False):
        if self.has_backward:
            RAN.append(("backward" if full_backward else "input_gradient", chunk_id, self.stage_index))
        return backward(self, chunk_id, loss, full_backward, last_backward)

    def backward_weight_one_chunk(self, chunk_id, *args, **kwargs):
        RAN.append(("weight_gradient", chunk_id, self.stage_index))
        return weight(self, chunk_id, *args, **kwargs)

    _PipelineStageBase.forward_one_chunk = forward_one_chunk
    _PipelineStageBase.backward_one_chunk = backward_one_chunk
    _PipelineStageBase.backward_weight_one_chunk = backward_weight_one_chunk


def schedule_of(name, rank, ranks):
    """The schedule on fresh stages, of the same weights each time."""
    by_torchtitan = name.startswith(BY_TORCHTITAN)
    name = name.removeprefix(BY_TORCHTITAN)
    looped = [rank, rank + ranks] if name in LOOPED else [rank]
    indices = [rank, 2 * ranks - 1 - rank] if name in V_SHAPED else looped
    stages = []
    for index in indices:
        torch.manual_seed(index)
        part = torch.nn.Sequential(torch.nn.Linear(WIDTH, WIDTH), torch.nn.Tanh())
        stages.append(PipelineStage(part, index, ranks * len(indices), torch.device("cpu")))
    loss = torch.nn.functional.mse_loss
    if by_torchtitan:
        return built_by_torchtitan(name, ranks, stages, loss), stages
    kind = schedules.get_schedule_class(name)
    return kind(stages[0] if len(stages) == 1 else stages, MICROBATCHES, loss_fn=loss), stages


def built_by_torchtitan(name, ranks, stages, loss):
    from torchtitan.config import ParallelismConfig
    from torchtitan.distributed.pipeline_parallel import _build_pipeline_schedule

    config = ParallelismConfig(
        pipeline_parallel_degree=ranks,
        pipeline_parallel_schedule=name,
        pipeline_parallel_microbatch_size=1,
    )
    return _build_pipeline_schedule(
        parallelism=config,
        local_batch_size=MICROBATCHES,
        stages=stages,
        loss_fn=lambda *given: (loss(*given), None),
    )


def train(schedule, stages, runtime, evaluates):
    """Losses, bit by bit, on the rank of the last stage; perhaps an evaluation inside each step."""
    generator = torch.Generator().manual_seed(1)
    parameters = [p for stage in stages for p in stage.submod.parameters()]
    optimizer = torch.optim.SGD(parameters, lr=0.1)
    found = []
    for _ in range(STEPS):
        batch = torch.randn(MICROBATCHES, WIDTH, generator=generator)
        target = torch.randn(MICROBATCHES, WIDTH, generator=generator)
        feeds = [batch] if any(stage.is_first for stage in stages) else []
        wants = {"target": target} if any(stage.is_last for stage in stages) else {}
        losses = [] if wants else None
        with runtime.step():
            schedule.step(*feeds, losses=losses, **wants)
            if evaluates:
                schedule.eval(*feeds, **wants)
            with runtime.instruction("tail"):
                optimizer.step()
                optimizer.zero_grad()
        found += [loss.item().hex() for loss in losses or []]
    return found


class Words(logging.Handler):
    def __init__(self):
        super().__init__()
        self.said = []

    def emit(self, record):
        self.said.append(record.getMessage())


def one(name, rank, ranks):
    """What came of one schedule on this rank."""
    off = Runtime(None, rank, rank, options=Options(mode="off"))
    schedule, stages = schedule_of(name, rank, ranks)
    RAN.clear()
    report = {"losses": train(schedule, stages, off, name in EVALUATED)}
    report["ran"] = RAN[: len(RAN) // STEPS]
    assert RAN == report["ran"] * STEPS

    schedule, stages = schedule_of(name, rank, ranks)
    said = pipelining.declared(schedule)
    report["declared"] = said["instructions"]
    report["stages"] = sorted(stage.stage_index for stage in stages)
    orders = [None] * ranks
    dist.all_gather_object(orders, report["declared"])
    plan = os.path.join(tempfile.gettempdir(), f"{name.replace('/', '-')}.json")
    if rank == 0:
        chunks = len(stages)
        with open(plan, "w", encoding="utf-8") as file:
            json.dump(support.plan_data(orders=orders, microbatches=MICROBATCHES, chunks=chunks), file)
    folder = os.path.join(os.environ["KAREUS_PROFILE_HERE"], name)
    options = Options(device=rank, synchronous=True, profile=folder)
    with Runtime(plan, rank, rank, **said, options=options) as runtime:
        recorded, runtime.recorder = runtime.recorder, None  # The test takes the records itself.
        pipelining.follow(schedule, runtime)
        report["followed"] = train(schedule, stages, runtime, name in EVALUATED)
        runtime.device.flush(10)
        words = {number: kind for kind, number in KINDS.items()}
        report["recorded"] = [
            (words[r.kind], r.microbatch, r.chunk, r.freq_mhz) for r in runtime.device.take_records()
        ]
        report["mode"], report["changes"] = runtime.mode, runtime.device.changes()
        report["planned"] = [(i.kind, i.microbatch, i.chunk, i.freq_mhz) for i in runtime.instructions]
        assert recorded is not None
    try:
        wrong = [*said["instructions"][1:], said["instructions"][0]]
        Runtime(plan, rank, rank, **{**said, "instructions": wrong}, options=options)
    except PlanRefused as refused:
        report["refused"] = str(refused)
    return report


def work(rank, ranks, results):
    os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(ranks))
    torch.set_num_threads(1)
    dist.init_process_group("gloo")
    note_what_runs()
    words = Words()
    logging.getLogger("kareus").addHandler(words)
    try:
        # NCCL would not notice; ranks that ask alike are let through.
        communication_groups(SimpleNamespace(sms=[4, 8]), [list(range(ranks))], dist)
        communication_groups(SimpleNamespace(sms=[4, 8 + rank]), [list(range(ranks))], dist)
        disagreed = None
    except PlanRefused as refused:
        disagreed = refused.diagnostic.code
    reports = {name: one(name, rank, ranks) for name in NAMES}
    gather({"reports": reports, "warnings": words.said, "disagreed": disagreed}, results)


if __name__ == "__main__":
    spawn(work, int(sys.argv[1]), sys.argv[2])
