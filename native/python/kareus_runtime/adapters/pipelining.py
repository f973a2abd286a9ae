"""Instructions around what a schedule of torch.distributed.pipelining runs.

Every schedule of torch 2.13 is tested with the real package (tests/test_schedules.py). The methods that
are wrapped, of a schedule's stages: forward_one_chunk(fwd_chunk_id, args, kwargs, save_forward_output),
backward_one_chunk(bwd_chunk_id, loss, full_backward, last_backward) and
backward_weight_one_chunk(bwd_chunk_id, last_backward).
"""

from __future__ import annotations

import functools
from contextlib import nullcontext
from typing import Any, ContextManager, Dict

from ..runtime import Runtime
from .orders import instructions_of, stages_of

__all__ = ["declared", "follow", "instructions_of", "stages_of"]


def follow(schedule: Any, runtime: Runtime) -> Any:
    """Wraps the stages of a schedule: from now on each chunk is an instruction of `runtime`.

    The step is yours, because it holds the optimizer: `with runtime.step(): schedule.step(...)`, then
    `with runtime.instruction("tail"): optimizer.step()`. Evaluation passes by, inside a step as well
    (`schedule.eval(...)`), and so does what runs in no step.
    """
    stages = stages_of(schedule)
    for chunk, stage in enumerate(stages):
        _wrap(stage, runtime, chunk)
    return schedule


def declared(schedule: Any) -> Dict[str, Any]:
    """Returns what the schedule says of the job: `Runtime(plan, rank, stage, **declared(schedule))`."""
    stages = stages_of(schedule)
    return {
        "stages": stages[0].num_stages // len(stages),
        "instructions": instructions_of(schedule),
        "schedule": type(schedule).__name__,
    }


def _wrap(stage: Any, runtime: Runtime, chunk: int) -> None:
    forward, backward = stage.forward_one_chunk, stage.backward_one_chunk
    weight = getattr(stage, "backward_weight_one_chunk", None)

    def around(kind: str, microbatch: int) -> ContextManager[None]:
        trains = runtime.stepping and getattr(stage, "has_backward", True)
        return runtime.instruction(kind, microbatch, chunk) if trains else nullcontext()

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
