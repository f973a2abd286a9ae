"""In which order a schedule of torch.distributed.pipelining runs the chunks of this rank.

The order that a schedule keeps (`pipeline_order`) need not be the one that it runs: 1F1B of torch 2.13
numbers the forwards of the last rank 1 to M. So the schedule's own code is walked dry, on stages that
only write down what they are asked for; a kept order is taken only where that cannot be, and only if
every microbatch is in it, forward before backward.
"""

from __future__ import annotations

import copy
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from .. import diagnostics as krs
from ..plan import WAYS

# Kind, microbatch, chunk.
Entry = Tuple[str, int, int]
KINDS = {"F": "forward", "B": "backward", "I": "input_gradient", "W": "weight_gradient"}


def stages_of(schedule: Any) -> List[Any]:
    """Returns the stages that this rank runs, in the order of the model: a chunk each."""
    single = getattr(schedule, "_stage", None)
    stages = [single] if single is not None else schedule._stages
    return sorted(stages, key=lambda stage: stage.stage_index)


def instructions_of(schedule: Any, rank: Optional[int] = None) -> Optional[List[Entry]]:
    """Returns the order in which a schedule runs this rank, for Runtime(instructions=...).

    `rank` is that of this process in the pipeline; None asks the schedule. Returns None, with a
    warning, where the order cannot be known: then it is compared with the plan as it runs.
    """
    order = _walked(schedule)
    if order is None:
        order = _kept(schedule, rank)
        problem = "it keeps none" if order is None else _impossible(schedule, order)
        if problem is not None:
            krs.warn(krs.unknown_order(type(schedule).__name__, problem))
            return None
    return order


class _Walker:
    """In a stage's place: has nothing to send, runs nothing, and writes down what it is asked for."""

    submod = None

    def __init__(self, stage: Any, chunk: int, order: List[Entry], trains: bool) -> None:
        self.stage_index, self.has_backward = stage.stage_index, trains
        self.is_first, self.is_last = stage.is_first, stage.is_last
        self._chunk, self._order = chunk, order

    def forward_one_chunk(self, fwd_chunk_id: int, *_: Any, **__: Any) -> None:
        self._order.append(("forward", fwd_chunk_id, self._chunk))

    def backward_one_chunk(
        self, bwd_chunk_id: int, loss: Any = None, full_backward: bool = True, **_: Any
    ) -> None:
        kind = "backward" if full_backward else "input_gradient"
        self._backward(kind, bwd_chunk_id)

    def backward_weight_one_chunk(self, bwd_chunk_id: int, **_: Any) -> None:
        self._backward("weight_gradient", bwd_chunk_id)

    def _backward(self, kind: str, microbatch: int) -> None:
        if self.has_backward:
            self._order.append((kind, microbatch, self._chunk))

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith(("get_", "set_local_", "perform_")):
            return lambda *_, **__: []
        raise AttributeError(name)


def _walked(schedule: Any) -> Optional[List[Entry]]:
    """What the schedule's own step asks of its stages; None where it cannot be walked."""
    order: List[Entry] = []
    try:
        trains = bool(schedule._has_backward)
        walk = copy.copy(schedule)
        # What a step changes is the copy's own; what the job does in place of actions is not done.
        for name, value in vars(schedule).items():
            if isinstance(value, (dict, list, set)):
                setattr(walk, name, copy.copy(value))
        walk._comp_type_to_function_map = {}
        for name in ("_initialize_stage", "_initialize_stages", "_maybe_compute_loss"):
            setattr(walk, name, _nothing)
        walk._maybe_get_loss = walk._update_losses = _nothing
        walkers: Dict[int, _Walker] = {
            stage.stage_index: _Walker(stage, chunk, order, trains)
            for chunk, stage in enumerate(stages_of(schedule))
        }
        if getattr(schedule, "_stage", None) is not None:
            (walk._stage,) = walkers.values()
        else:
            walk._stages = [walkers[stage.stage_index] for stage in schedule._stages]
        walk._step_microbatches()
    except Exception:  # Another PyTorch, whose schedules need more of a stage.
        return None
    return order


def _nothing(*_: Any, **__: Any) -> None:
    return None


def _kept(schedule: Any, rank: Optional[int]) -> Optional[List[Entry]]:
    """The order that a schedule keeps of this rank."""
    orders = getattr(schedule, "pipeline_order", None)
    stages = stages_of(schedule)
    if rank is None:
        rank = getattr(schedule, "rank", getattr(stages[0], "group_rank", None))
    if orders is None or rank not in orders:
        return None
    chunks = {stage.stage_index: chunk for chunk, stage in enumerate(stages)}
    actions = [action for entry in orders[rank] if entry is not None for action in _parts(entry)]
    return [
        (KINDS[letter], action.microbatch_index, chunks[action.stage_index])
        for action, letter in ((action, _letter(action.computation_type)) for action in actions)
        if letter in KINDS  # The others send, receive, gather weights and sum gradients.
    ]


def _parts(action: Any) -> Sequence[Any]:
    """What an action runs one after the other: itself, or the forward and backward it joins."""
    return getattr(action, "sub_actions", None) or (action,)


def _letter(computation_type: Any) -> str:
    """F, B, I, W, or a word for communication: the value of PyTorch's enum, earlier its text."""
    value = computation_type.value
    return value if isinstance(value, str) else str(computation_type)


def _impossible(schedule: Any, order: Sequence[Entry]) -> Optional[str]:
    """Why a kept order cannot be what runs; None if it can."""
    count = getattr(schedule, "_n_microbatches", None)
    if count is None:
        return None
    ways: Dict[Tuple[int, int], Tuple[str, ...]] = {}
    for kind, microbatch, chunk in order:
        ways[microbatch, chunk] = (*ways.get((microbatch, chunk), ()), kind)
    for microbatch in range(count):
        for chunk in range(len(stages_of(schedule))):
            way = ways.pop((microbatch, chunk), ())
            if way not in WAYS:
                return f"it keeps microbatch {microbatch} as {', then '.join(way) or 'nothing'}"
    return f"it keeps microbatch {max(ways)[0]} of {count}" if ways else None
