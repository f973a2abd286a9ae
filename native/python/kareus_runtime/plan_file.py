"""The data of plan.json, of any version: its schema, what it names, and how it is spelled out."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any, Iterator, Mapping, Optional, Sequence, Tuple

# The newest.
VERSION = 3


@lru_cache(maxsize=None)
def schema_of(version: int) -> Mapping[str, Any]:
    """The schema of a version; of one that never was, the newest."""
    name = "plan-1.schema.json" if version == 1 else "plan.schema.json"
    read: Mapping[str, Any] = json.loads(Path(__file__).with_name(name).read_text("utf-8"))
    choices: Sequence[Mapping[str, Any]] = read.get("oneOf", [read])
    own = [each for each in choices if each["properties"]["version"]["const"] == version]
    return (own or choices)[-1]


def dangling(data: Any) -> Optional[Tuple[str, str]]:
    """The first thing that is named and not there."""
    partitions = {partition["key"]: partition for partition in data["partitions"]}
    for index, configuration in enumerate(data["configurations"]):
        place = f".configurations[{index}]"
        home = partitions.get(configuration["partition"])
        if home is None:
            return f"{place}.partition", "no partition has this key"
        launch, order = configuration["launch_slot"], configuration["order"]
        names = [slot["name"] for slot in home["slots"]]
        if launch is not None and launch not in names:
            return f"{place}.launch_slot", "the partition has no slot of this name"
        queued = configuration.get("queued_slots", [])
        unknown = [name for name in queued if name not in names and name is not None]
        if unknown or len(queued) != len(home.get("queued", [])):
            return f"{place}.queued_slots", "not a slot of the partition for each that is queued"
        if order is not None and sorted(order) != list(range(len(home["slots"]))):
            return f"{place}.order", "not every slot of the partition, once each"
    known = {configuration["id"] for configuration in data["configurations"]}
    for place, uses in _uses(data):
        for u, use in enumerate(uses):
            if use["configuration"] not in known:
                return f"{place}[{u}].configuration", "no configuration has this id"
    for place, _, instruction in _instructions_of(data):
        if instruction.get("variant", -1) >= len(data.get("variants", [])):
            return f"{place}.variant", "there is no variant of this index"
    return _uneven(data.get("switch_time_s", 0)) or _torn_tables(data)


def _torn_tables(data: Any) -> Optional[Tuple[str, str]]:
    """The first thing that the tables of version 3 lack."""
    if data["version"] != 3:
        return None
    costs, columns = data.get("costs"), schema_of(3)["properties"]["costs"]["required"]
    # What later programs may add is nothing to us.
    if costs is not None and len({len(costs[name]) for name in columns}) > 1:
        return ".costs", "its lists are not equally long"
    variants, uses = data["variants"], data["uses"]
    for v, variant in enumerate(variants):
        if variant["use"] >= len(uses):
            return f".variants[{v}].use", "there are no uses of this index"
    # Layers that a stage needs at least.
    needed = [1 + max((n for use in each for n in use["layers"]), default=-1) for each in uses]
    for place, stage, instruction in _instructions_of(data):
        if needed[variants[instruction["variant"]]["use"]] > len(stage["layers"]):
            return f"{place}.variant", "it runs layers that the stage does not list"
    return None


def _uneven(switch_time_s: Any) -> Optional[Tuple[str, str]]:
    if not isinstance(switch_time_s, dict):
        return None
    clocks, place = switch_time_s["freq_mhz"], ".switch_time_s"
    if not clocks or clocks != sorted(set(clocks)):
        return f"{place}.freq_mhz", "must be clocks that ascend"
    even = all(len(switch_time_s[name]) == len(clocks) for name in ("call_s", "transition_s"))
    return None if even else (place, "its lists must be equally long")


def _uses(data: Any) -> Iterator[Tuple[str, Any]]:
    """Every list of uses in a plan, and where it is."""
    if data["version"] == 3:
        yield from ((f".uses[{u}]", uses) for u, uses in enumerate(data["uses"]))
        return
    for v, variant in enumerate(data.get("variants", [])):
        yield f".variants[{v}].use", variant["use"]
    for place, _, instruction in _instructions_of(data):
        yield f"{place}.use", instruction.get("use", [])


def _instructions_of(data: Any) -> Iterator[Tuple[str, Any, Any]]:
    """Every instruction, where it is and the stage that it is of."""
    for s, stage in enumerate(data["stages"]):
        for i, instruction in enumerate(stage["instructions"]):
            yield f".stages[{s}].instructions[{i}]", stage, instruction


def spelled_out(data: Any) -> Any:
    """A plan in which every instruction says itself how it runs, as version 1 has it."""
    if data["version"] == 1:
        return data
    return {**data, "stages": [_spelled_out_stage(stage, data) for stage in data["stages"]]}


def _spelled_out_stage(stage: Any, data: Any) -> Any:
    variants = data["variants"]
    if data["version"] == 3:
        own = {instruction["variant"] for instruction in stage["instructions"]}
        variants = {v: _placed(variants[v], data["uses"], stage["layers"]) for v in own}
    instructions = [{**variants[i["variant"]], **i} for i in stage["instructions"]]
    return {**stage, "instructions": instructions}


def _placed(variant: Any, uses: Sequence[Any], layers: Sequence[int]) -> Any:
    """A variant whose uses name the layers that a stage lists by their global indices."""
    own = [{**use, "layers": [layers[n] for n in use["layers"]]} for use in uses[variant["use"]]]
    return {**variant, "use": own}
