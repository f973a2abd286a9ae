"""The context managers of a training loop: one step, and one instruction of it."""

from __future__ import annotations

from typing import Callable, Optional

from .native import Calls
from .plan import Instruction


class Running:
    """Which planned instruction runs now; None outside of one, and where none is planned."""

    __slots__ = ("instruction",)

    def __init__(self) -> None:
        self.instruction: Optional[Instruction] = None


class Step:
    """One training step; the same object serves all of them."""

    def __init__(self, begin: Callable[[], None], end: Callable[[], None]) -> None:
        self._begin, self._end = begin, end

    def __enter__(self) -> None:
        self._begin()

    def __exit__(self, *_: object) -> None:
        self._end()


class Boundary:
    """One instruction of every step. Entering it is one call with arguments made beforehand."""

    __slots__ = ("_running", "_planned", "_trouble", "_begin", "_begin_with", "_end", "_end_with")

    def __init__(
        self,
        running: Running,
        planned: Optional[Instruction],
        calls: Optional[Calls],
        trouble: Callable[[int], None],
    ) -> None:
        self._running, self._planned, self._trouble = running, planned, trouble
        self._begin, self._begin_with, self._end, self._end_with = calls or _NO_CALLS

    def __enter__(self) -> None:
        self._running.instruction = self._planned
        code = self._begin(*self._begin_with)
        if code:
            self._trouble(code)

    def __exit__(self, *_: object) -> None:
        code = self._end(*self._end_with)
        self._running.instruction = None
        if code:
            self._trouble(code)

    def plan(self, planned: Optional[Instruction]) -> None:
        """Takes up how another plan runs it; None: as the job does on its own."""
        self._planned = planned

    def detach(self) -> None:
        """Forgets the GPU: what runs after close() does nothing."""
        self._begin, self._begin_with, self._end, self._end_with = _NO_CALLS


def _nothing() -> int:
    return 0


_NO_CALLS: Calls = (_nothing, (), _nothing, ())
