"""Instructions around Megatron-LM's forward and backward steps.

Tested against stand-ins with the signatures of `megatron/core/pipeline_parallel/schedules.py` (commit
00611e6eeb of NVIDIA/Megatron-LM): forward_step(forward_step_func, data_iterator, model,
num_microbatches, input_tensor, ...) and backward_step(input_tensor, output_tensor,
output_tensor_grad, ...), which its forward_backward_* functions call as names of their module, and
whose further arguments changed from release to release: they are passed on as they come.
"""

from __future__ import annotations

import functools
from typing import Any, Callable, Optional

from ..boundary import Boundary
from ..gpu import training
from ..runtime import Runtime


def follow(schedules: Any, runtime: Runtime) -> None:
    """Wraps the two functions of a module: `follow(megatron.core.pipeline_parallel.schedules, rt)`.

    Megatron does not say which chunk a backward step is of: microbatch and chunk are those that the
    plan has next, so that only the kinds are compared with the plan. `runtime.step()` goes around
    train_step, `runtime.instruction("tail")` around the optimizer's step. Evaluation, without
    gradients, passes by.
    """
    order = _Order(runtime)
    schedules.forward_step = _wrapped(schedules.forward_step, "forward", order)
    schedules.backward_step = _wrapped(schedules.backward_step, "backward", order)


class _Order:
    """Where a stage is in its plan: starts again with each step of the runtime."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime, self._place = runtime, 0
        self._steps: Optional[int] = None

    def next(self, kind: str) -> Boundary:
        """Returns the boundary of the next instruction, as planned if the kind is right."""
        if self._steps != self.runtime.steps:
            self._steps, self._place = self.runtime.steps, 0
        instructions = self.runtime.instructions
        place, self._place = self._place, self._place + 1
        planned = instructions[place] if place < len(instructions) else None
        if planned is None or planned.kind != kind:
            # The shim finds that the plan has another one here, and says so.
            return self.runtime.instruction(kind)
        return self.runtime.instruction(kind, planned.microbatch, planned.chunk)


def _wrapped(function: Callable[..., Any], kind: str, order: _Order) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if not (order.runtime.stepping and training()):
            return function(*args, **kwargs)
        with order.next(kind):
            return function(*args, **kwargs)

    return wrapped
