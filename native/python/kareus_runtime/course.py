"""Which plan is in force from the next step on, as rank 0 reads it from a file that may change meanwhile.

The file is a plan (`kareus select`) or a schedule (`kareus schedule`), which names points of a run's folder
by the time of day. As long as it is not there, or holds `null`, the GPU keeps its own clocks.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Callable, Dict, Mapping, Optional, Tuple

from . import diagnostics as krs
from .plan import FORMAT as PLAN_FORMAT
from .plan import parse_plan, read_text
from .schema import problem_in

SCHEDULE_FORMAT = "kareus-schedule"
# No look is further away than this many steps, however short they are.
MOST_STEPS = 10_000
# A slot in which a smaller share of the iterations was run than planned is worth a word.
BEHIND = 0.9

# Name of the file and text of a plan; no text: the GPU's own clocks.
Wanted = Tuple[str, Optional[str]]


@dataclass(frozen=True)
class Look:
    """What comes next, as rank 0 tells all."""

    # The plan to change to; None: as it is.
    change: Optional[Wanted]
    # How long to wait before the step.
    pause_s: float
    # How many steps run before the next look.
    steps: int


class Course:
    """Rank 0's view of a followed file. `plans` is the folder of the frontier whose points a schedule names.

    `look_s` is about how long lies between two looks; `now` is the time of day, in seconds.
    """

    def __init__(
        self,
        path: str,
        plans: Optional[str],
        look_s: float,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._path, self._plans, self._look_s, self._now = path, plans, look_s, now
        self._began_s = now()
        self._stamp: Any = None
        self._timetable: Optional[_Timetable] = None
        self._wanted: Wanted = (path, None)
        # None until the first look: whatever is wanted then is a change.
        self._given: Optional[Wanted] = None
        self._looked: Optional[Tuple[float, int]] = None

    def look(self, begun: int) -> Look:
        """Reads what changed since the last look; `begun` steps have begun so far.

        Raises PlanRefused where the file that is new cannot be followed; the next look goes on with
        what was followed before.
        """
        now_s = self._now()
        steps = self._steps_apart(now_s, begun)
        self._read_if_new()
        pause_s = 0.0
        if self._timetable is not None:
            self._wanted, pause_s, left = self._timetable.wanted(now_s, begun)
            steps = min(steps, left)
        change = None if self._wanted == self._given else self._wanted
        self._given = self._wanted
        return Look(change, pause_s, max(1, steps))

    def _steps_apart(self, now_s: float, begun: int) -> int:
        """How many steps take about `look_s`, by those since the last look."""
        looked, self._looked = self._looked, (now_s, begun)
        if looked is None or begun <= looked[1] or now_s <= looked[0]:
            return 1
        step_s = (now_s - looked[0]) / (begun - looked[1])
        return min(MOST_STEPS, round(self._look_s / step_s))

    def _read_if_new(self) -> None:
        try:
            found = os.stat(self._path)
        except FileNotFoundError:
            if self._stamp is None:
                return
            self._stamp = None
            raise krs.PlanRefused(krs.unreadable_plan(self._path, "it is gone")) from None
        stamp = (found.st_ino, found.st_mtime_ns, found.st_size)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        text = read_text(self._path)
        if text.strip() == "null":
            self._timetable, self._wanted = None, (self._path, None)
        elif _format_of(text, self._path) == SCHEDULE_FORMAT:
            self._timetable = _Timetable(text, self._path, self._plans, self._began_s)
        else:
            parse_plan(text, self._path)
            self._timetable, self._wanted = None, (self._path, text)


class _Timetable:
    """A schedule: which point when, and the plans of its points."""

    def __init__(self, text: str, path: str, plans: Optional[str], began_s: float) -> None:
        data = json.loads(text)
        problem = problem_in(data, _schema())
        if problem is not None:
            raise krs.PlanRefused(krs.malformed_plan(path, *problem))
        self._path, self._slots = path, data["slots"]
        if not any(slot["runs"] for slot in self._slots):
            raise krs.PlanRefused(krs.malformed_plan(path, ".slots", "nothing is run in any slot"))
        origin = data.get("origin")
        # Without a date it begins when the job does.
        self._zero_s = began_s - self._slots[0]["start_s"] if origin is None else _seconds(origin)
        points = {run["point"] for slot in self._slots for run in slot["runs"]}
        self._plans = _plans_of(points, plans, path)
        # The slot that runs, and the step with which it began.
        self._slot: Optional[int] = None
        self._since = 0
        # Whether the job was there when it began.
        self._whole = False
        self._told = False

    def wanted(self, now_s: float, begun: int) -> Tuple[Wanted, float, int]:
        """Returns what is wanted now, how long to wait first, and after how many steps that changes."""
        index = self._slot_at(now_s - self._zero_s)
        if index != self._slot:
            if self._slot is not None:
                self._compare(self._slots[self._slot], begun - self._since)
            self._whole, self._since, self._slot = self._slot is not None, begun, index
        slot = self._slots[index]
        done, ended = begun - self._since, 0
        for run in slot["runs"]:
            ended += run["iterations"]
            if done < ended:
                return self._plans[run["point"]], 0.0, ended - done
        if slot["runs"] or index == len(self._slots) - 1:
            return self._plans[self._last(index)], 0.0, MOST_STEPS
        return (self._path, None), slot["end_s"] + self._zero_s - now_s, 1

    def _slot_at(self, time_s: float) -> int:
        """The slot of a time; the first before, the last after them."""
        for index, slot in enumerate(self._slots):
            if time_s < slot["end_s"]:
                return index
        return len(self._slots) - 1

    def _last(self, index: int) -> int:
        """The point that was run last, up to a slot."""
        runs = [run for slot in self._slots[: index + 1] for run in slot["runs"]]
        return int(runs[-1]["point"])

    def _compare(self, slot: Any, done: int) -> None:
        planned = sum(run["iterations"] for run in slot["runs"])
        if self._whole and done < BEHIND * planned and not self._told:
            self._told = True
            krs.warn(krs.behind_schedule(self._path, done, planned))


def _plans_of(points: Any, folder: Optional[str], path: str) -> Dict[int, Wanted]:
    """The plan of every point that a schedule names, read from the folder of its frontier."""
    if folder is None:
        raise krs.PlanRefused(krs.no_plans(path, "KAREUS_PLANS is not set"))
    frontier = os.path.join(folder, "frontier.json")
    try:
        files = {p["id"]: p["plan"] for p in json.loads(read_text(frontier))["points"]}
        plans = {point: os.path.join(folder, files[point]) for point in points}
    except (ValueError, KeyError, TypeError) as reason:
        raise krs.PlanRefused(krs.no_plans(path, f"{frontier}: {reason!r}")) from None
    texts = {point: (plan, read_text(plan)) for point, plan in plans.items()}
    for plan, text in texts.values():
        parse_plan(text, plan)
    return dict(texts)


def _format_of(text: str, path: str) -> object:
    try:
        data = json.loads(text)
    except ValueError as reason:
        raise krs.PlanRefused(krs.not_json(path, reason)) from None
    return data.get("format", PLAN_FORMAT) if isinstance(data, dict) else None


def _seconds(origin: str) -> float:
    return datetime.fromisoformat(origin.replace("Z", "+00:00")).timestamp()


@lru_cache(maxsize=None)
def _schema() -> Mapping[str, Any]:
    path = Path(__file__).with_name("schedule.schema.json")
    read: Mapping[str, Any] = json.loads(path.read_text("utf-8"))
    return read
