"""Whether this job can follow a plan, asked before step 1."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Optional, Sequence, Tuple, Union

from . import diagnostics as krs
from .plan import Plan

# What a job says that it runs: kind, microbatch and perhaps chunk; the tail has no microbatch.
Declared = Union[Tuple[str], Tuple[str, Optional[int]], Tuple[str, Optional[int], int]]
# What `kareus optimize --pipeline` calls the schedules of torch.distributed.pipelining.
PIPELINES = {
    "ScheduleGPipe": "gpipe",
    "Schedule1F1B": "1f1b",
    "ScheduleInterleaved1F1B": "interleaved-1f1b",
    "ScheduleZBVZeroBubble": "zb-v",
    "ScheduleDualPipeV": "dualpipe-v",
}
_Named = Tuple[str, Optional[int], int]


@dataclass(frozen=True)
class Job:
    """What a job says of itself; None: it does not say."""

    stages: Optional[int] = None
    # The order in which it runs this rank's stage.
    instructions: Optional[Sequence[Declared]] = None
    # The class of its schedule, as torch calls it.
    schedule: Optional[str] = None
    # Whether its collectives can run on copy engines.
    copy_engines: bool = False
    # What of a layer's forward runs again in backward, as `kareus optimize --recompute` calls it.
    recompute: Optional[str] = None


def refusal(
    plan: Plan,
    stage: int,
    world_size: Optional[int],
    gpu_name: Optional[str],
    job: Job,
) -> Optional[krs.Diagnostic]:
    """Returns the first reason why not, as a diagnostic; None if the plan fits.

    `world_size`, `gpu_name` (the driver's) and what the job says of itself are checked where they are
    known, not None.
    """
    layout = plan.parallelism
    if job.stages is not None and job.stages != len(plan.stages):
        return krs.wrong_stage_count(plan.path, job.stages, len(plan.stages))
    if not 0 <= stage < len(plan.stages):
        return krs.wrong_stage(plan.path, stage, len(plan.stages))
    names = ("tp", "cp", "ep", "pp", "dp")
    ranks = 1
    for name in names:
        ranks *= layout[name]
    if world_size is not None and world_size != ranks:
        degrees = " x ".join(f"{name} {layout[name]}" for name in names if layout[name] > 1)
        return krs.wrong_world_size(plan.path, degrees or "one rank", ranks, world_size)
    if gpu_name is not None and _names_other_gpu(gpu_name, plan.gpu):
        return krs.other_gpu(plan.path, plan.gpu, gpu_name)
    if 0 in plan.sms and not job.copy_engines:
        return krs.no_copy_engines(plan.path)
    return None if job.instructions is None else _order(plan, stage, job.instructions, job.schedule)


def other_work(plan: Plan, job: Job) -> Optional[krs.Diagnostic]:
    """Returns why what the plan promises is of other work than the job's; None if it is not known to be."""
    planned, found = plan.parallelism["recompute"], job.recompute
    if found is None or found == planned:
        return None
    return krs.other_recomputation(plan.path, planned, found)


def _names_other_gpu(driver: str, device: str) -> bool:
    """Whether a driver's name (`NVIDIA H100 80GB HBM3`) and a plan's (`h100-sxm`) surely differ."""

    def model(name: str) -> Optional[str]:
        found = re.search(r"\b[a-z]{1,2}\d{2,3}\b", name, re.IGNORECASE)
        return None if found is None else found[0].lower()

    found, wanted = model(driver), model(device)
    return found is not None and wanted is not None and found != wanted


def _order(
    plan: Plan, stage: int, instructions: Sequence[Declared], schedule: Optional[str]
) -> Optional[krs.Diagnostic]:
    planned: list[_Named] = [(i.kind, i.microbatch, i.chunk) for i in plan.stages[stage]]
    found = [_named(*entry) for entry in instructions]
    if planned and planned[-1][0] == "tail" and (not found or found[-1][0] != "tail"):
        planned.pop()  # A pipeline schedule does not list the optimizer.
    for index in range(max(len(planned), len(found))):
        wanted = planned[index] if index < len(planned) else None
        runs = found[index] if index < len(found) else None
        if wanted != runs:
            place = f".stages[{stage}].instructions[{index}]"
            return krs.wrong_order(
                plan.path, place, _words(wanted), _words(runs), _way_out(schedule)
            )
    return None


def _way_out(schedule: Optional[str]) -> str:
    """How to get a plan for the schedule that a job names."""
    sizes = "--microbatches and --chunks as in the job"
    if schedule is None:
        return f"plan with the job's schedule: --pipeline; {sizes}"
    pipeline = PIPELINES.get(schedule)
    if pipeline is not None:
        return f"plan for {schedule}: --pipeline {pipeline}, {sizes}"
    known = ", ".join(sorted(PIPELINES))
    return f"no plan can be made for {schedule}; train with one of {known}"


def _named(kind: str, microbatch: Optional[int] = None, chunk: int = 0) -> _Named:
    return kind, microbatch, chunk


def _words(instruction: Optional[_Named]) -> str:
    if instruction is None:
        return "nothing more"
    kind, microbatch, chunk = instruction
    name = kind if microbatch is None else f"{kind} {microbatch}"
    return f"{name} of chunk {chunk}" if chunk else name
