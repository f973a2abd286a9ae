"""Runs one partition as planned: its compute in order, communication beside it from its slot on."""

from __future__ import annotations

from typing import Any, Callable, Iterable, List, Optional, Sequence, Tuple, Union

from . import diagnostics as krs
from .plan import PlannedPartition

# A piece of compute: the name of its slot, or a part of its nodes' names, and what runs it.
Piece = Tuple[str, Callable[[], object]]
# Starts a collective on the group that it is given; returns its work, several, or None.
Communication = Callable[[Any], Any]
# What each communication needs: the name of a piece, or None.
Names = Union[str, Sequence[Optional[str]], None]
Warn = Callable[[krs.Diagnostic], None]


def overlap(
    partition: Optional[PlannedPartition],
    compute_ops: Sequence[Piece],
    communication: Union[Communication, Sequence[Communication], None],
    needs: Names = None,
    group: Any = None,
    streams: Optional[Streams] = None,
    warn: Warn = krs.warn,
) -> None:
    """Runs compute pieces and starts communication where the plan says; both are done on return.

    `compute_ops` holds pairs (name, function) in an order that is right. A name is a slot's
    (`linear_0`) or a part of its nodes' names (`mlp/up_proj`); a piece may hold several slots. Where
    the plan orders slots otherwise, pieces follow it. `communication(group)` starts an asynchronous collective
    and returns its work (or a list, or None); None means that nothing is sent. It starts no earlier than
    after the piece named `needs`, which makes what is sent. Without a partition it starts first. Where
    the plan queues communication behind the first, `communication` is a list of such functions in
    that order, and `needs` may be one of names (or None), one for each.

    On a GPU it runs on the stream of `streams`, and this one waits for it in the end. Pieces that do
    not follow each other as the slots do run as they come, and `warn` is told.
    """
    ops = list(compute_ops)
    starters = list(_each(communication))
    starts = [0]
    if partition is not None and partition.communication is not None:
        ops, starts = _as_planned(partition, ops, warn)
    starts = _in_turn(starts, [name for name, _ in ops], list(_each(needs)), len(starters))
    works: List[Any] = []
    for place in range(len(ops) + 1):
        for starter, start in zip(starters, starts):
            if start == place:
                works.extend(_each(_start(starter, group, streams)))
        if place < len(ops):
            ops[place][1]()
    _finish(works, streams)


def _in_turn(
    starts: Sequence[int], names: Sequence[str], needs: Sequence[Optional[str]], count: int
) -> List[int]:
    """How many pieces run before each of `count` communications: what it needs, and none before the
    one ahead of it."""
    turns: List[int] = []
    for index in range(count):
        start = max([starts[min(index, len(starts) - 1)], *turns])
        needed = needs[index] if index < len(needs) else None
        turns.append(start if needed is None else max(start, 1 + names.index(needed)))
    return turns


def _as_planned(
    partition: PlannedPartition, ops: List[Piece], warn: Warn
) -> Tuple[List[Piece], List[int]]:
    """The pieces in the planned order, and how many run before each communication may start."""
    held = _slots_of(partition, ops)
    if held is None:
        warn(krs.not_overlapped(partition.key, "the pieces are not those of this partition"))
        return ops, [0]
    position = {slot: place for place, slot in enumerate(partition.order)}
    places = [[position[slot] for slot in slots] for slots in held]
    sequence = sorted(range(len(ops)), key=lambda index: min(places[index]))
    ordered = [ops[index] for index in sequence]

    def before(slot: Optional[int]) -> int:
        reached = [] if slot is None else [max(places[i]) >= position[slot] for i in sequence]
        return reached.index(True) if True in reached else len(ops)

    return ordered, [before(slot) for slot in (partition.launch_slot, *partition.queued_slots)]


def _slots_of(partition: PlannedPartition, ops: List[Piece]) -> Optional[List[List[int]]]:
    """By piece the indices of its slots; None where they do not follow each other as slots do.
    Two pieces may share a slot; one that the plan does not know belongs to the one before it."""
    held: List[List[int]] = []
    last = -1
    for name, _ in ops:
        slots = [
            index
            for index, slot in enumerate(partition.slots)
            if name == slot.name or any(name in node for node in slot.nodes)
        ]
        if slots and slots[0] < last:
            return None
        held.append(slots or (held[-1] if held else [0]))
        last = slots[-1] if slots else last
    return held if last >= 0 else None


def _start(communication: Communication, group: Any, streams: Optional[Streams]) -> Any:
    if streams is None:
        return communication(group)
    return streams.start(communication, group)


def _finish(works: List[Any], streams: Optional[Streams]) -> None:
    if streams is not None:
        streams.finish(works)
        return
    for work in works:
        work.wait()


def _each(given: Any) -> Sequence[Any]:
    """Returns what was given as a sequence: nothing, one, or several."""
    if given is None:
        return ()
    return given if isinstance(given, (list, tuple)) else (given,)


class Streams:
    """A stream for communication beside the current one of torch.cuda."""

    def __init__(self, cuda: Any) -> None:
        self._cuda = cuda
        # Of high priority: its few thread blocks should not queue behind a GEMM's many.
        self._communication = cuda.Stream(priority=-1)

    def start(self, communication: Communication, group: Any) -> Any:
        """Starts communication after what the current stream has been given so far."""
        self._communication.wait_stream(self._cuda.current_stream())
        with self._cuda.stream(self._communication):
            return communication(group)

    def finish(self, works: Iterable[Any]) -> None:
        """Makes the current stream wait for all that was started."""
        with self._cuda.stream(self._communication):
            for work in works:
                work.wait()
        self._cuda.current_stream().wait_stream(self._communication)
