"""Whether this job can follow a plan, asked before step 1."""

from __future__ import annotations

import re
from typing import Optional, Sequence, Tuple, Union

from . import diagnostics as krs
from .plan import Plan

# What a job says that it runs: kind, microbatch and perhaps chunk; the tail has no microbatch.
Declared = Union[Tuple[str], Tuple[str, Optional[int]], Tuple[str, Optional[int], int]]
_Named = Tuple[str, Optional[int], int]


def refusal(
    plan: Plan,
    stage: int,
    world_size: Optional[int],
    gpu_name: Optional[str],
    stages: Optional[int],
    instructions: Optional[Sequence[Declared]],
) -> Optional[krs.Diagnostic]:
    """Returns the first reason why not, as a diagnostic; None if the plan fits.

    `world_size`, `gpu_name` (the driver's), `stages` (of the job) and `instructions` (the order in
    which the job will run this stage: tuples of kind, microbatch and perhaps chunk) are checked
    where they are known, not None.
    """
    layout = plan.parallelism
    if stages is not None and stages != len(plan.stages):
        return krs.wrong_stage_count(plan.path, stages, len(plan.stages))
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
    return None if instructions is None else _order(plan, stage, instructions)


def _names_other_gpu(driver: str, device: str) -> bool:
    """Whether a driver's name (`NVIDIA H100 80GB HBM3`) and a plan's (`h100-sxm`) surely differ."""

    def model(name: str) -> Optional[str]:
        found = re.search(r"\b[a-z]{1,2}\d{2,3}\b", name, re.IGNORECASE)
        return None if found is None else found[0].lower()

    found, wanted = model(driver), model(device)
    return found is not None and wanted is not None and found != wanted


def _order(
    plan: Plan, stage: int, instructions: Sequence[Declared]
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
            return krs.wrong_order(plan.path, place, _words(wanted), _words(runs))
    return None


def _named(kind: str, microbatch: Optional[int] = None, chunk: int = 0) -> _Named:
    return kind, microbatch, chunk


def _words(instruction: Optional[_Named]) -> str:
    if instruction is None:
        return "nothing more"
    kind, microbatch, chunk = instruction
    name = kind if microbatch is None else f"{kind} {microbatch}"
    return f"{name} of chunk {chunk}" if chunk else name
