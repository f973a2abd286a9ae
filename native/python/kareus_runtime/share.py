"""What ranks agree on before step 1: rank 0's plan, and whether anyone refuses it."""

import sys

from . import diagnostics as krs
from .plan import read_text


def _distributed():
    """torch.distributed where the job uses it; else None. Whoever does has imported it."""
    dist = sys.modules.get("torch.distributed")
    return dist if dist is not None and dist.is_available() and dist.is_initialized() else None


def world_size():
    """Ranks of the job; None where nothing says."""
    dist = _distributed()
    return None if dist is None else dist.get_world_size()


def plan_text(path):
    """The plan's text as rank 0 reads it, on every rank: others need not see the file."""
    dist = _distributed()
    if dist is None:
        return read_text(path)
    answer = [None]
    if dist.get_rank() == 0:
        try:
            answer = [read_text(path)]
        except krs.PlanRefused as refused:
            answer = [refused]
    dist.broadcast_object_list(answer, src=0)
    if isinstance(answer[0], krs.PlanRefused):
        raise answer[0]
    return answer[0]


def agree(diagnostic):
    """Raises the first rank's refusal on every rank: no rank waits for one that has stopped."""
    dist = _distributed()
    answers = [diagnostic]
    if dist is not None:
        answers = [None] * dist.get_world_size()
        dist.all_gather_object(answers, diagnostic)
    for answer in answers:
        if answer is not None:
            raise krs.PlanRefused(answer)
