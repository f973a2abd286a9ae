"""Instructions around what the Trainer of Hugging Face's transformers runs.

Tested with the real package (tests/test_trainer.py). What is used of it: callbacks for the ends of a step and
of the optimizer's part, and `compute_loss` and `accelerator.backward`, which a training step calls once for
each microbatch (`gradient_accumulation_steps` of them).
"""

from __future__ import annotations

import functools
from typing import Any, Callable, Dict, List, Optional, Tuple

from transformers import TrainerCallback, __version__

from ..boundary import Boundary
from ..runtime import Runtime

# What checkpointing is where nobody says.
USES_REENTRANCE = int(__version__.split(".")[0]) < 5


def declared(trainer: Any) -> Dict[str, Any]:
    """Returns what a trainer says of the job: `Runtime(plan, rank, 0, **declared(trainer))`."""
    order: List[Tuple[str, int]] = []
    for microbatch in range(trainer.args.gradient_accumulation_steps):
        order += [("forward", microbatch), ("backward", microbatch)]
    return {"stages": 1, "instructions": order, "recompute": _recompute(trainer)}


def _recompute(trainer: Any) -> str:
    """Which activation checkpointing a trainer's arguments ask for, or its model has already."""
    asked, model = trainer.args, trainer.model
    # `gradient_checkpointing` is what older releases call it, and newer ones warn of.
    name = "activation_checkpointing"
    if not hasattr(asked, name):
        name = "gradient_checkpointing"
    if (asked.fsdp_config or {}).get("activation_checkpointing"):
        return "early-stop"  # Its wrapper uses no reentrance in any release.
    if not (getattr(asked, name) or getattr(model, f"is_{name}", False)):
        return "none"
    kwargs: Dict[str, Any] = getattr(asked, f"{name}_kwargs") or {}
    return "full" if kwargs.get("use_reentrant", USES_REENTRANCE) else "early-stop"


def follow(trainer: Any, runtime: Runtime) -> Any:
    """From now on each microbatch's forward and backward, and the optimizer's step, are instructions.

    Evaluation, between steps, passes by.
    """
    steps = _Steps(runtime)
    trainer.add_callback(steps)
    trainer.compute_loss = _wrapped(trainer.compute_loss, "forward", steps)
    trainer.accelerator.backward = _wrapped(trainer.accelerator.backward, "backward", steps)
    return trainer


class _Steps(TrainerCallback):
    """Where in a step the trainer is."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self._runs = {"forward": 0, "backward": 0}
        self._tail: Optional[Boundary] = None

    def next(self, kind: str) -> Boundary:
        """Returns the boundary of the next instruction of a kind."""
        self._runs[kind] += 1
        return self.runtime.instruction(kind, self._runs[kind] - 1)

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        self._runs = {"forward": 0, "backward": 0}
        self.runtime.step().__enter__()

    def on_pre_optimizer_step(self, *_: Any, **__: Any) -> None:
        self._tail = self.runtime.instruction("tail")
        self._tail.__enter__()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        tail, self._tail = self._tail, None
        if tail is not None:
            tail.__exit__()
        self.runtime.step().__exit__()


def _wrapped(function: Callable[..., Any], kind: str, steps: _Steps) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if not steps.runtime.stepping:
            return function(*args, **kwargs)
        with steps.next(kind):
            return function(*args, **kwargs)

    return wrapped
