"""What ranks agree on before step 1: rank 0's plan, and whether anyone refuses it."""

from __future__ import annotations

import sys
from typing import Any, Callable, List, Optional, Tuple

from . import diagnostics as krs
from .plan import read_text

# Path, mode and text of the plan; whether it may change, and whether what steps take is written down.
Decision = Tuple[Optional[str], str, Optional[str], bool, bool]


def _distributed() -> Any:
    """torch.distributed where the job uses it; else None. Whoever does has imported it."""
    dist = sys.modules.get("torch.distributed")
    return dist if dist is not None and dist.is_available() and dist.is_initialized() else None


def world_size() -> Optional[int]:
    """Returns how many ranks the job has; None where nothing says."""
    dist = _distributed()
    return None if dist is None else int(dist.get_world_size())


def is_first() -> bool:
    """Returns whether this is rank 0, which reads and decides for all."""
    dist = _distributed()
    return dist is None or dist.get_rank() == 0


def plan_of_first(path: Optional[str], mode: str, follows: bool, accounts: bool) -> Decision:
    """Returns what rank 0 decides for all.

    Rank 0 reads the file; the others need not see it. Without a path the mode is off, and there is no
    text. Raises rank 0's PlanRefused on every rank.
    """
    answer: Any = None
    if is_first():
        try:
            if path is None or mode == "off":
                answer = (None, "off", None, False, False)
            else:
                answer = (path, mode, read_text(path), follows, accounts)
        except krs.PlanRefused as refused:
            answer = refused
    answer = of_first(answer)
    if isinstance(answer, krs.PlanRefused):
        raise answer
    decided: Decision = answer
    return decided


def group_of_cpus() -> Any:
    """Makes a group of all ranks that waits for no GPU; every rank must call it alike. None without ranks."""
    dist = _distributed()
    return None if dist is None else dist.new_group(backend="gloo")


def of_first(value: Any, group: Any = None) -> Any:
    """Returns what rank 0 has."""
    dist = _distributed()
    if dist is None:
        return value
    answer: List[Any] = [value]
    dist.broadcast_object_list(answer, src=0, group=group)
    return answer[0]


def of_all(value: Any, group: Any = None) -> List[Any]:
    """What every rank has, by rank; its own alone where the job has no ranks."""
    dist = _distributed()
    if dist is None:
        return [value]
    values: List[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(values, value, group=group)
    return values


def first_to_say(code: str) -> bool:
    """Returns whether no rank of the job has said this yet: trouble of one kind is told once."""
    dist = _distributed()
    if dist is None:
        return True
    try:
        store = dist.distributed_c10d._get_default_store()
        return int(store.add(f"kareus/said/{code}", 1)) == 1
    except Exception:  # Rank 0 has ended, or a store that cannot count: better twice than never.
        return True


def agree(diagnostic: Optional[krs.Diagnostic]) -> None:
    """Raises the first rank's refusal on every rank: no rank waits for one that has stopped."""
    for answer in of_all(diagnostic):
        if answer is not None:
            raise krs.PlanRefused(answer)


def same_on_every_rank(value: Any, differ: Callable[[object], krs.Diagnostic]) -> None:
    """Raises PlanRefused on every rank where ranks have different values."""
    values = of_all(value)
    if any(each != value for each in values):
        raise krs.PlanRefused(differ(values))
