"""Instructions around what a schedule of torch.distributed.pipelining runs.

Tested against stand-ins with PyTorch's signatures (`torch/distributed/pipelining/stage.py` and
`schedules.py` at commit 00722e648b of pytorch/pytorch): forward_one_chunk(fwd_chunk_id, args, kwargs,
save_forward_output), backward_one_chunk(bwd_chunk_id, loss, full_backward, last_backward) and
backward_weight_one_chunk(bwd_chunk_id, last_backward), methods of the stages of a schedule.
"""

from __future__ import annotations

import functools
from contextlib import nullcontext
from typing import Any, ContextManager, List, Optional, Sequence, Tuple

from ..runtime import Runtime

_KINDS = {"F": "forward", "B": "backward", "I": "input_gradient", "W": "weight_gradient"}


def follow(schedule: Any, runtime: Runtime) -> Any:
    """Wraps the stages of a schedule: from now on each chunk is an instruction of `runtime`.

    The step is yours, because it holds the optimizer: `with runtime.step(): schedule.step(...)`, then
    `with runtime.instruction("tail"): optimizer.step()`. What runs in no step, as evaluation, passes by.
    """
    stages = stages_of(schedule)
    for chunk, stage in enumerate(stages):
        _wrap(stage, runtime, chunk)
    return schedule


def stages_of(schedule: Any) -> List[Any]:
    """Returns the stages that this rank runs, in the order of the model: a chunk each."""
    single = getattr(schedule, "_stage", None)
    stages = [single] if single is not None else schedule._stages
    return sorted(stages, key=lambda stage: stage.stage_index)


def instructions_of(schedule: Any, rank: int) -> Optional[List[Tuple[str, Optional[int], int]]]:
    """Returns the order in which a schedule of several chunks runs this rank.

    It is meant for Runtime(instructions=...); None where a schedule does not keep it, as those of one
    chunk.
    """
    orders = getattr(schedule, "pipeline_order", None)
    if orders is None:
        return None
    chunks = {stage.stage_index: chunk for chunk, stage in enumerate(stages_of(schedule))}
    actions = [action for entry in orders[rank] if entry is not None for action in _parts(entry)]
    return [
        (_KINDS[letter], action.microbatch_index, chunks[action.stage_index])
        for action, letter in ((action, _letter(action.computation_type)) for action in actions)
        if letter in _KINDS
    ]


def _parts(action: Any) -> Sequence[Any]:
    """What an action runs one after the other: itself, or the forward and backward it joins."""
    return getattr(action, "sub_actions", None) or (action,)


def _letter(computation_type: Any) -> str:
    """F, B, I, W, or a word for communication: the value of PyTorch's enum, earlier its text."""
    value = computation_type.value
    return value if isinstance(value, str) else str(computation_type)


def _wrap(stage: Any, runtime: Runtime, chunk: int) -> None:
    forward, backward = stage.forward_one_chunk, stage.backward_one_chunk
    weight = getattr(stage, "backward_weight_one_chunk", None)

    def around(kind: str, microbatch: int) -> ContextManager[None]:
        return runtime.instruction(kind, microbatch, chunk) if runtime.stepping else nullcontext()

    @functools.wraps(forward)
    def forward_one_chunk(fwd_chunk_id: int, *args: Any, **kwargs: Any) -> Any:
        with around("forward", fwd_chunk_id):
            return forward(fwd_chunk_id, *args, **kwargs)

    @functools.wraps(backward)
    def backward_one_chunk(
        bwd_chunk_id: int,
        loss: Any = None,
        full_backward: bool = True,
        last_backward: bool = False,
    ) -> Any:
        kind = "backward" if full_backward else "input_gradient"
        with around(kind, bwd_chunk_id):
            return backward(
                bwd_chunk_id,
                loss=loss,
                full_backward=full_backward,
                last_backward=last_backward,
            )

    stage.forward_one_chunk = forward_one_chunk
    stage.backward_one_chunk = backward_one_chunk
    if weight is None:
        return

    @functools.wraps(weight)
    def backward_weight_one_chunk(bwd_chunk_id: int, *args: Any, **kwargs: Any) -> Any:
        with around("weight_gradient", bwd_chunk_id):
            return weight(bwd_chunk_id, *args, **kwargs)

    stage.backward_weight_one_chunk = backward_weight_one_chunk
