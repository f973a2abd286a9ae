"""Runs one partition as planned: its compute in order, communication beside it from its slot on."""

from . import diagnostics as krs


def overlap(
    partition, compute_ops, communication, needs=None, group=None, streams=None, warn=krs.warn
):
    """Runs compute pieces and starts communication where the plan says; both are done on return.

    `compute_ops`: pairs (name, function) in an order that is right. A name is a slot's (`linear_0`)
    or a part of its nodes' names (`mlp/up_proj`); a piece may hold several slots. Where the plan
    orders slots otherwise, pieces follow it. `communication(group)` starts an asynchronous collective
    and returns its work (or a list, or None); a list of such functions: the partition's, then what is
    queued behind it; None: nothing to communicate. It starts no earlier than after the piece named
    `needs` (one, or one for each), which makes what is sent. Without a partition it starts first.

    On a GPU it runs on the stream of `streams`, and this one waits for it in the end. Pieces that do
    not follow each other as the slots do run as they come, and `warn` is told.
    """
    ops = list(compute_ops)
    starting = [start for start in _each(communication) if start is not None]
    places = [0] * len(starting)
    if partition is not None and partition.communication is not None:
        ops, places = _as_planned(partition, ops, len(starting), warn)
    places = _after(places, _each(needs), [name for name, _ in ops])
    works = []
    for place in range(len(ops) + 1):
        for start, at in zip(starting, places):
            if at == place:
                works += _each(_start(start, group, streams))
        if place < len(ops):
            ops[place][1]()
    _finish(works, streams)


def _after(places, needs, names):
    """Places of communications, each after the piece that it needs and not before the last one."""
    found = []
    for index, place in enumerate(places):
        name = needs[index] if index < len(needs) else None
        ready = 0 if name is None else 1 + names.index(name)
        found.append(max(place, ready, *found[-1:]))
    return found


def _as_planned(partition, ops, count, warn):
    """The pieces in the planned order, and before which each of `count` communications starts."""
    held = _slots_of(partition, ops)
    if held is None:
        warn(krs.not_overlapped(partition.key, "the pieces are not those of this partition"))
        return ops, [0] * count
    position = {slot: place for place, slot in enumerate(partition.order)}
    places = [[position[slot] for slot in slots] for slots in held]
    sequence = sorted(range(len(ops)), key=lambda index: min(places[index]))

    def start_of(slot):
        """Before the first piece that is not wholly before the slot; None: after all."""
        if slot is None:
            return len(ops)
        waiting = [p for p, index in enumerate(sequence) if max(places[index]) >= position[slot]]
        return waiting[0] if waiting else len(ops)

    slots = [partition.launch_slot, *partition.queued_slots, *[None] * count]
    return [ops[index] for index in sequence], [start_of(slot) for slot in slots[:count]]


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
    if streams is not None and works:
        streams.finish(works)
        return
    for work in works:
        work.wait()


def _each(given):
    """None, one or several as a list."""
    if given is None:
        return []
    return list(given) if isinstance(given, (list, tuple)) else [given]


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
            for work in works:
                work.wait()
        self._cuda.current_stream().wait_stream(self._communication)
