"""plan.json as a runtime needs it: read, checked, and cut into the instructions of a stage."""

from __future__ import annotations

import json
from bisect import bisect_left
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Mapping, NoReturn, Optional, Sequence
from typing import Tuple, Union

from . import diagnostics as krs
from .plan_file import VERSION, dangling, schema_of, spelled_out
from .schema import problem_in

FORMAT = "kareus-plan"
KINDS = ("forward", "backward", "input_gradient", "weight_gradient", "tail")
# What a microbatch may run as on one stage and chunk, in this order.
WAYS = (("forward", "backward"), ("forward", "input_gradient", "weight_gradient"))


@dataclass(frozen=True)
class Slot:
    """Where communication may be launched: before the first of these nodes."""

    name: str
    nodes: Tuple[str, ...]


@dataclass(frozen=True)
class PlannedPartition:
    """How one partition runs: compute, and communication beside it."""

    configuration: int
    key: str
    slots: Tuple[Slot, ...]
    # Index into slots; None: after the last kernel.
    launch_slot: Optional[int]
    sms: int
    # The order in which the slots run, by index.
    order: Tuple[int, ...]
    # "all_reduce" and so on; None where the partition has no communication.
    communication: Optional[str]
    # What runs behind it: from which slot on, by index (None: after the last kernel).
    queued_slots: Tuple[Optional[int], ...] = ()


@dataclass(frozen=True)
class Use:
    """One way in which an instruction runs a partition, on some of its layers."""

    partition: PlannedPartition
    # Global layer indices; empty: outside the layers.
    layers: Tuple[int, ...]
    # 0, 1, or None for the whole microbatch.
    nanobatch: Optional[int]


@dataclass(frozen=True)
class Instruction:
    """One forward, backward, ... of one microbatch on one stage."""

    index: int
    kind: str
    microbatch: Optional[int]
    chunk: int
    freq_mhz: int
    nanobatched: bool
    uses: Tuple[Use, ...]
    start_s: float
    time_s: float
    energy_j: float

    @property
    def name(self) -> str:
        """The instruction in words."""
        microbatch = "" if self.microbatch is None else f" {self.microbatch}"
        return f"{self.kind}{microbatch}" + (f" of chunk {self.chunk}" if self.chunk else "")

    def partition(
        self, key: str, layer: Optional[int] = None, nanobatch: Optional[int] = None
    ) -> Optional[PlannedPartition]:
        """Returns the partition of this key as this instruction runs it; None if it does not."""
        return self._choose(layer, nanobatch, lambda partition: partition.key == key)

    def find(
        self, node: str, layer: Optional[int] = None, nanobatch: Optional[int] = None
    ) -> Optional[PlannedPartition]:
        """Returns the partition that holds a node whose name contains `node`; None if none does."""
        return self._choose(
            layer,
            nanobatch,
            lambda partition: any(node in name for slot in partition.slots for name in slot.nodes),
        )

    def _choose(
        self,
        layer: Optional[int],
        nanobatch: Optional[int],
        fits: Callable[[PlannedPartition], bool],
    ) -> Optional[PlannedPartition]:
        found = [u for u in self.uses if u.nanobatch == nanobatch and fits(u.partition)]
        exact = [use for use in found if layer in use.layers or (layer is None and not use.layers)]
        # One run of it in the whole instruction needs no layer.
        chosen = exact or ([found[0]] if len(found) == 1 and layer is None else [])
        return chosen[0].partition if chosen else None


@dataclass(frozen=True)
class Plan:
    """A plan for every stage of a pipeline."""

    path: str
    gpu: str
    sm_count: int
    clocks_mhz: Tuple[int, ...]
    # tp, cp, ep, pp, dp, microbatches, pipeline, chunks, ... as in the file.
    parallelism: Mapping[str, Any]
    static_power_w: float
    # Of any change, or by the clock that it goes to, as in the file.
    switch_time_s: Union[float, Mapping[str, Sequence[float]]]
    graph: str
    point: int
    # Of a training step, every GPU of one data-parallel replica.
    time_s: float
    energy_j: float
    # By stage, a tuple of Instruction each.
    stages: Tuple[Tuple[Instruction, ...], ...]

    # What the job can follow: all, clocks, or clocks,sms.
    control: str = "all"

    def switch_to_s(self, freq_mhz: int) -> float:
        """Seconds from the call that changes the clock until this one is there.

        Between two clocks of the plan's table the longer of both, beyond its ends the nearest.
        """
        times = self.switch_time_s
        if not isinstance(times, Mapping):
            return times
        clocks = times["freq_mhz"]
        above = bisect_left(clocks, freq_mhz)
        exact = above < len(clocks) and clocks[above] == freq_mhz
        near = [above] if exact else [i for i in (above - 1, above) if 0 <= i < len(clocks)]
        return max(times["call_s"][i] + times["transition_s"][i] for i in near)

    @property
    def sms(self) -> List[int]:
        """The numbers of SMs that communication is given, ascending; none where clocks alone count."""
        return [] if self.control == "clocks" else sorted({p.sms for p in self._communicating()})

    @property
    def point_to_point_sms(self) -> List[int]:
        """The same of sends and receives alone."""
        alone = (p for p in self._communicating() if p.communication in ("send", "recv"))
        return [] if self.control == "clocks" else sorted({p.sms for p in alone})

    def _communicating(self) -> Iterator[PlannedPartition]:
        partitions = (u.partition for s in self.stages for i in s for u in i.uses)
        return (p for p in partitions if p.communication is not None)


def _refuse(diagnostic: krs.Diagnostic) -> NoReturn:
    raise krs.PlanRefused(diagnostic)


def read_text(path: str) -> str:
    """Returns the text of a plan file. Raises PlanRefused: KRS5301."""
    try:
        return Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as reason:
        _refuse(krs.unreadable_plan(str(path), reason))


def parse_plan(text: str, path: str) -> Plan:
    """Checks the text of a plan and cuts it up; `path` names it in messages.

    Raises PlanRefused: KRS5302 to KRS5306.
    """
    try:
        data = json.loads(text, parse_constant=_no_constant, parse_float=_number)
    except ValueError as reason:
        _refuse(krs.not_json(path, reason))
    header = data if isinstance(data, dict) else {}
    if header.get("format") != FORMAT:
        _refuse(krs.wrong_format(path, header.get("format")))
    version = header.get("version")
    if isinstance(version, int) and version > VERSION:
        _refuse(krs.newer_version(path, version, VERSION))
    schema = schema_of(version if isinstance(version, int) else VERSION)
    problem = problem_in(data, schema) or dangling(data)
    if problem is not None:
        _refuse(krs.malformed_plan(path, *problem))
    plan = _cut(spelled_out(data), path)
    problem = _disorder(plan)
    if problem is not None:
        _refuse(krs.impossible_order(path, *problem))
    return plan


def _number(text: str) -> float:
    """What JSON writes as 2.0 may be an index."""
    value = float(text)
    return int(value) if value.is_integer() else value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number in JSON")


def _cut(data: Any, path: str) -> Plan:
    partitions = {partition["key"]: partition for partition in data["partitions"]}
    planned = {c["id"]: _planned(c, partitions[c["partition"]]) for c in data["configurations"]}
    stages = sorted(data["stages"], key=lambda stage: stage["stage"])
    return Plan(
        path=path,
        gpu=data["gpu"]["name"],
        sm_count=data["gpu"]["sm_count"],
        clocks_mhz=tuple(data["gpu"]["clocks_mhz"]),
        parallelism=data["parallelism"],
        static_power_w=data["static_power_w"],
        switch_time_s=data.get("switch_time_s", 0),
        graph=data["graph"]["name"],
        point=data["point"]["id"],
        time_s=data["point"]["time_s"],
        energy_j=data["point"]["energy_j"],
        control=data.get("control", "all"),
        stages=tuple(_instructions(stage["instructions"], planned) for stage in stages),
    )


def _planned(configuration: Any, partition: Any) -> PlannedPartition:
    names = [slot["name"] for slot in partition["slots"]]
    order = configuration["order"]

    def index_of(slot: Optional[str]) -> Optional[int]:
        return None if slot is None else names.index(slot)

    return PlannedPartition(
        configuration=configuration["id"],
        key=partition["key"],
        slots=tuple(Slot(slot["name"], tuple(slot["nodes"])) for slot in partition["slots"]),
        launch_slot=index_of(configuration["launch_slot"]),
        sms=configuration["sms"],
        order=tuple(range(len(names)) if order is None else order),
        communication=(partition["communication"] or {}).get("kind"),
        queued_slots=tuple(index_of(slot) for slot in configuration.get("queued_slots", [])),
    )


def _instructions(
    entries: Sequence[Any], planned: Mapping[int, PlannedPartition]
) -> Tuple[Instruction, ...]:
    return tuple(
        Instruction(
            index=index,
            kind=entry["kind"],
            microbatch=entry["microbatch"],
            chunk=entry["chunk"],
            freq_mhz=round(entry["freq_mhz"]),
            nanobatched=entry["execution"] == "nanobatched",
            uses=tuple(
                Use(planned[use["configuration"]], tuple(use["layers"]), use["nanobatch"])
                for use in entry["use"]
            ),
            start_s=entry["start_s"],
            time_s=entry["time_s"],
            energy_j=entry["energy_j"],
        )
        for index, entry in enumerate(entries)
    )


def _disorder(plan: Plan) -> Optional[Tuple[str, str]]:
    """Where a plan runs what cannot be: stages missing, a microbatch twice, backward first."""
    layout = plan.parallelism
    if len(plan.stages) != layout["pp"]:
        return ".stages", f"{len(plan.stages)} stages, parallelism.pp is {layout['pp']}"
    for stage, instructions in enumerate(plan.stages):
        ways: Dict[Tuple[int, int], Tuple[str, ...]] = {}
        for instruction in instructions:
            place = f".stages[{stage}].instructions[{instruction.index}]"
            if instruction.kind == "tail":
                if instruction.index != len(instructions) - 1:
                    return place, "the tail is not the last instruction"
                continue
            if instruction.microbatch is None:
                return place, "no microbatch"
            way = ways.setdefault((instruction.microbatch, instruction.chunk), ())
            way += (instruction.kind,)
            if not any(known[: len(way)] == way for known in WAYS):
                return place, f"{instruction.name} comes after {' and '.join(way[:-1]) or 'nothing'}"
            ways[instruction.microbatch, instruction.chunk] = way
        microbatches, chunks = range(layout["microbatches"]), range(layout["chunks"])
        # Found before there are many of them, however many the file asks for.
        missing = next(((m, c) for m in microbatches for c in chunks if (m, c) not in ways), None)
        strange = (each for each in ways if each[0] not in microbatches or each[1] not in chunks)
        misfit = missing or min(strange, default=None)
        if misfit is not None:
            return f".stages[{stage}]", f"microbatch {misfit[0]} does not fit parallelism"
        for (microbatch, _), way in ways.items():
            if way not in WAYS:
                return f".stages[{stage}]", f"microbatch {microbatch} never runs backward"
    return None
