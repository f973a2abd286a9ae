"""What instructions took, as a kareus-profile that `kareus profile` and `optimize` read."""

from __future__ import annotations

import json
import math
import os
import time
from io import FileIO
from typing import Any, Dict, Iterable, Optional, Sequence, Tuple, Union

from . import __version__
from . import diagnostics as krs
from .native import KINDS, LIMITS, Device, Record
from .plan import Instruction, Plan

# The first step allocates memory and compiles kernels: it says nothing of the others.
WARM_UP_STEPS = 1
# What is not written yet is lost with the process.
STEPS_PER_RECORD = 16
TIME_PER_RECORD_S = 60
NO_COUNTER = "the GPU has no energy counter"
STUCK = "the energy counter did not move"


def source_of(driver: str) -> str:
    """Energy of a simulated driver comes from a model, whatever the clock on the wall says."""
    return "modelled" if "simulated" in driver.lower() else "measured"


class _Mean:
    """Mean and (population) variance of what is added, one by one (Welford)."""

    def __init__(self) -> None:
        self.count, self.mean, self._squares = 0, 0.0, 0.0

    def add(self, value: float) -> None:
        self.count += 1
        off = value - self.mean
        self.mean += off / self.count
        self._squares += off * (value - self.mean)

    @property
    def std(self) -> float:
        return math.sqrt(max(0.0, self._squares / self.count))


def _drop_torn_line(path: str) -> None:
    """Cuts off what a killed job or a full disk left of a last line, so that nothing is glued to it."""
    try:
        with open(path, "r+b") as file:
            file.truncate(file.read().rfind(b"\n") + 1)
    except FileNotFoundError:
        pass


class _Runs:
    """What the runs of one setting took, and how the GPU was meanwhile."""

    def __init__(self) -> None:
        self.time, self.energy, self.error = _Mean(), _Mean(), _Mean()
        self.clock, self.temperature = _Mean(), _Mean()
        self._limits = [0] * len(LIMITS)

    def add(self, record: Record) -> None:
        self.time.add(record.time_s)
        if record.energy_j >= 0:
            self.energy.add(record.energy_j)
            self.error.add(record.energy_error_j)
        if record.clock_mhz > 0:
            self.clock.add(record.clock_mhz)
        if record.temperature_c > 0:
            self.temperature.add(record.temperature_c)
        self._limits[record.limited_by] += 1

    def words(self, metered: bool) -> Dict[str, Any]:
        """Returns a record's fields about energy and about the GPU; what is unknown is left out."""
        energy = self.energy if self.energy.mean > 0 else None
        fields: Dict[str, Any] = {
            "time_s": self.time.mean,
            "energy_j": energy and energy.mean,
            "time_s_std": self.time.std,
            "energy_j_std": energy and energy.std,
            "trials": self.time.count,
            "window_s": self.time.mean * self.time.count,
        }
        if energy is None:
            fields["reason"] = STUCK if metered else NO_COUNTER
        else:
            # Errors of runs between the same two ticks are one error: they do not average out.
            spread = energy.std / math.sqrt(energy.count)
            fields["precision"] = math.hypot(self.error.mean, spread) / energy.mean
        if self.clock.count > 0:
            fields["clock_mhz"] = self.clock.mean
        if self.temperature.count > 0:
            fields["temperature_c"] = self.temperature.mean
        told = sum(self._limits[1:])
        if told > 0:
            held = [place for place in (2, 3) if 10 * self._limits[place] >= told]
            fields["limited_by"] = LIMITS[max(held, key=self._limits.__getitem__)] if held else None
        return fields


# Stage, kind and locked clock; 0: not locked.
_Setting = Tuple[int, str, int]


class Recorder:
    """Appends to one file of one rank; a record is of all runs of a setting since the last one.

    A record holds, for each instruction kind at each clock, time and energy of this GPU, static energy
    included. What ran while no clock was locked counts as asked to run at the GPU's highest clock;
    `clock_mhz` says at which it ran. Stages count as everywhere in kareus: chunk x stages + stage.
    """

    def __init__(
        self,
        folder: str,
        rank: int,
        stage: int,
        plan: Plan,
        device: Device,
        every_s: float = TIME_PER_RECORD_S,
    ) -> None:
        self._every_s = every_s
        self._file: Optional[FileIO] = None
        self._path = os.path.join(folder, f"instructions-rank{rank}.jsonl")
        self._stage, self._stages = stage, len(plan.stages)
        # All plans of a job have the same instructions, and without one in force no record has an index.
        self._order = plan.stages[stage]
        self._known = {
            (KINDS[i.kind], -1 if i.microbatch is None else i.microbatch, i.chunk): i
            for i in self._order
        }
        driver = device.driver
        self._highest_mhz = max(device.clocks(), default=max(plan.clocks_mhz))
        self._metered = bool(device.capabilities.energy_counter)
        self._source = source_of(driver)
        self._header = {
            "format": "kareus-profile",
            "version": 1,
            "id": f"runtime-{plan.graph}-{plan.point}-rank{rank}",
            "gpu": plan.gpu,
            "driver": driver or None,
            "date": None,
            "tool": f"kareus_runtime {__version__}",
            "method": None,
            "power_state": device.power_state,
            "note": f"instructions of stage {stage} as they ran on rank {rank}",
        }
        self._pending: Dict[_Setting, _Runs] = {}
        self._steps, self._written_s = 0, time.monotonic()
        # By kind, since the plan is in force: for the comparison with it.
        self._totals: Dict[str, _Runs] = {}
        self._since = WARM_UP_STEPS

    def add(self, records: Iterable[Record]) -> None:
        """Takes ended instructions (native.Record) in; writes them every few steps."""
        for record in records:
            instruction = self._instruction(record)
            if record.step < WARM_UP_STEPS or instruction is None:
                continue
            kind = instruction.kind
            setting = (instruction.chunk * self._stages + self._stage, kind, record.freq_mhz)
            if record.step >= self._since:
                self._totals.setdefault(kind, _Runs()).add(record)
            self._pending.setdefault(setting, _Runs()).add(record)
        self._steps += 1
        late = time.monotonic() - self._written_s >= self._every_s
        if late or self._steps % STEPS_PER_RECORD == 0:
            self.write()

    def _instruction(self, record: Record) -> Optional[Instruction]:
        if record.index < len(self._order):
            planned: Instruction = self._order[record.index]
            return planned
        return self._known.get((record.kind, record.microbatch, record.chunk))

    def restart(self, step: int) -> None:
        """Begins the summary again: from `step` on another plan is in force."""
        self._totals, self._since = {}, max(step, WARM_UP_STEPS)

    def write(self) -> None:
        """Appends what is pending; it is on the disk when this returns. Raises OSError."""
        pending, self._pending = self._pending, {}
        self._written_s = time.monotonic()
        lines = [self._record(setting, pending[setting]) for setting in sorted(pending)]
        if not lines:
            return
        if self._file is None:
            self._file = self._open()
        text = "".join(f"{json.dumps(line)}\n" for line in lines)
        self._file.write(text.encode())
        os.fsync(self._file.fileno())

    def _open(self) -> FileIO:
        os.makedirs(os.path.dirname(self._path) or ".", exist_ok=True)
        _drop_torn_line(self._path)
        file = open(self._path, "ab", buffering=0)
        if file.tell() == 0:
            file.write(f"{json.dumps(self._header)}\n".encode())
        return file

    def _record(self, setting: _Setting, runs: _Runs) -> Dict[str, Any]:
        stage, kind, locked_mhz = setting
        return {
            "record": "instruction",
            "stage": stage,
            "instruction": kind,
            "freq_mhz": locked_mhz or self._highest_mhz,
            "sms": None,
            "source": self._source,
            **runs.words(self._metered),
        }

    def summary(
        self, instructions: Sequence[Instruction]
    ) -> Dict[str, Dict[str, Union[int, float, None]]]:
        """Returns, by kind, the runs and the mean planned and recorded time_s and energy_j."""
        rows: Dict[str, Dict[str, Union[int, float, None]]] = {}
        for kind, runs in self._totals.items():
            time, energy = runs.time, runs.energy
            planned = [i for i in instructions if i.kind == kind]
            rows[kind] = {
                "runs": time.count,
                "planned_time_s": sum(i.time_s for i in planned) / len(planned),
                "time_s": time.mean,
                "planned_energy_j": sum(i.energy_j for i in planned) / len(planned),
                "energy_j": energy.mean if energy.count else None,
            }
        return rows

    def close(self) -> None:
        """Writes what is pending and closes the file. Raises OSError."""
        self.write()
        if self._file is not None:
            self._file.close()

    def gave_up(self, reason: Exception) -> krs.Diagnostic:
        """Returns the warning for a job whose disk is full: it trains on."""
        return krs.not_recorded(self._path, reason)
