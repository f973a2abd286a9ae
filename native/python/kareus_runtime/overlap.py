"""Runs one partition as planned: its compute in order, communication beside it from its slot on."""

from . import diagnostics as krs


def overlap(
    partition, compute_ops, communication, needs=None, group=None, streams=None, warn=krs.warn
):
    """Runs compute pieces and starts communication where the plan says; both are done on return.

    `compute_ops`: pairs (name, function) in an order that is right. A name is a slot's (`linear_0`)
    or a part of its nodes' names (`mlp/up_proj`); a piece may hold several slots. Where the plan
    orders slots otherwise, pieces follow it. `communication(group)` starts an asynchronous collective
    and returns its work (or a list, or None); None: nothing to communicate. It starts no earlier than
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
    works = []
    for place in range(len(ops) + 1):
        for starter, start in zip(starters, starts):
            if start == place:
                works.extend(_each(_start(starter, group, streams)))
        if place < len(ops):
            ops[place][1]()
    _finish(works, streams)


def _in_turn(starts, names, needs, count):
    """How many pieces run before each of `count` communications: what it needs, and none before the
    one ahead of it."""
    turns = []
    for index in range(count):
        start = max([starts[min(index, len(starts) - 1)], *turns])
        needed = needs[index] if index < len(needs) else None
        turns.append(start if needed is None else max(start, 1 + names.index(needed)))
    return turns


def _as_planned(partition, ops, warn):
    """The pieces in the planned order, and how many run before each communication may start."""
    held = _slots_of(partition, ops)
    if held is None:
        warn(krs.not_overlapped(partition.key, "the pieces are not those of this partition"))
        return ops, [0]
    position = {slot: place for place, slot in enumerate(partition.order)}
    places = [[position[slot] for slot in slots] for slots in held]
    sequence = sorted(range(len(ops)), key=lambda index: min(places[index]))
    ordered = [ops[index] for index in sequence]

    def before(slot):
        reached = [] if slot is None else [max(places[i]) >= position[slot] for i in sequence]
        return reached.index(True) if True in reached else len(ops)

    return ordered, [before(slot) for slot in (partition.launch_slot, *partition.queued_slots)]


def _slots_of(partition, ops):
    """By piece the indices of its slots; None where they do not follow each other as slots do.
    Two pieces may share a slot; one that the plan does not know belongs to the one before it."""
    held, last = [], -1
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


def _start(communication, group, streams):
    if streams is None:
        return communication(group)
    return streams.start(communication, group)


def _finish(works, streams):
    if streams is not None:
        streams.finish(works)
        return
    for work in _each(works):
        work.wait()


def _each(works):
    if works is None:
        return ()
    return works if isinstance(works, (list, tuple)) else (works,)


class Streams:
    """A stream for communication beside the current one of torch.cuda."""

    def __init__(self, cuda):
        self._cuda = cuda
        # Of high priority: its few thread blocks should not queue behind a GEMM's many.
        self._communication = cuda.Stream(priority=-1)

    def start(self, communication, group):
        self._communication.wait_stream(self._cuda.current_stream())
        with self._cuda.stream(self._communication):
            return communication(group)

    def finish(self, works):
        with self._cuda.stream(self._communication):
            for work in _each(works):
                work.wait()
        self._cuda.current_stream().wait_stream(self._communication)
