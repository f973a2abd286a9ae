"""What is checked on a GPU, in the order of importance."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Iterator, Optional

GEMM = "matmul 1 8192 8192 8192 bfloat16"
STREAM = "memory 1073741824 1073741824 0 bfloat16"
REDUCE = "all_reduce 268435456 1024"
PRECISION = 0.01


@dataclass
class Check:
    what: str
    holds: bool
    seen: object


class PassedOver(Exception):
    """The stage cannot run on this machine."""


class NotReached(Exception):
    """The time is up."""


def task(number: int, kernels: list[str], sms: int = 0, first: int = 0, comm: str = "none 0 1") -> str:
    words = " ".join(kernels)
    return f"task {number} clock 1000 sms {sms} first {first} comm {comm} kernels {len(kernels)} {words}"


class Rig:
    """The machine: its recorder, and how much time is left."""

    def __init__(self, here: Path, out: Path, recorder: Optional[str], until_s: float) -> None:
        self.here, self.out, self.until_s = here, out, until_s
        self.torch = recorder is None and _has_torch()
        self._command = [recorder] if recorder else [str(here / "build" / "kareus-recorder")]
        if self.torch:
            self._command = [sys.executable, str(here / "recorder.py")]
        self.simulated = False

    def left_s(self) -> float:
        return self.until_s - time.monotonic()

    def greeting(self) -> Optional[dict]:
        """What the recorder says of the GPU; None without one."""
        answers = list(self.answers([task(0, ["memory 1048576 1048576 0 bfloat16"])]))
        if not answers:
            return None
        self.simulated = "simulated" in answers[0]["driver"]
        return answers[0]

    def answers(self, tasks: list[str], *flags: str) -> Iterator[dict]:
        """The recorder's lines, as they come; none without a GPU."""
        if self.left_s() <= 0:
            raise NotReached("the time is up")
        command = [*self._command, "--precision", str(PRECISION), *flags]
        pipes = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        with subprocess.Popen(command, **pipes) as recorder:
            recorder.stdin.write("".join(f"{line}\n" for line in tasks))
            recorder.stdin.close()
            for line in recorder.stdout:
                yield json.loads(line)
                if self.left_s() <= 0:
                    recorder.terminate()
            said = recorder.stderr.read()
        if recorder.returncode not in (0, 3) and self.left_s() > 0:
            raise RuntimeError(f"the recorder ended with {recorder.returncode}: {said.strip()[-300:]}")

    def measure(self, *tasks: str) -> list[dict]:
        """The answers to tasks, all measured."""
        found = list(self.answers(list(tasks)))[1:]
        for answer in found:
            if "skipped" in answer:
                raise RuntimeError(answer["skipped"])
        if len(found) != len(tasks):
            raise NotReached("the time is up")
        return found


def _has_torch() -> bool:
    return subprocess.run([sys.executable, "-c", "import torch"], capture_output=True).returncode == 0


def kernels(rig: Rig) -> Iterator[Check]:
    started_s = time.monotonic()
    found = rig.measure(*(task(i, [GEMM]) for i in range(5)), task(5, [STREAM]), task(6, [STREAM] * 2))
    each_s = (time.monotonic() - started_s) / len(found)
    gemm = found[0]
    rate = 2 * 8192**3 / gemm["time_s"]
    yield Check("a large product runs at a tensor core's rate", 3e13 < rate < 5e15, f"{rate:.3g} FLOP/s")
    energies = [answer["energy_j"] for answer in found[:5]]
    if None in energies:
        yield Check("the energy counter answers", "energy counter" in gemm["reason"], gemm["reason"])
    else:
        power_w = gemm["energy_j"] / gemm["time_s"]
        yield Check("its power is a board's", 30 < power_w < 1500, f"{power_w:.0f} W")
        spread = statistics.stdev(energies) / statistics.mean(energies)
        yield Check("five windows agree within 1%", spread < PRECISION, f"{100 * spread:.2f}%")
        reached = max(answer["precision"] for answer in found)
        yield Check("each reaches its precision", reached <= PRECISION, f"{100 * reached:.2f}%")
    # The start of the process is shared by seven here.
    yield Check("a configuration takes at most 1.5 s, the start included", each_s < 1.5, f"{each_s:.2f} s")
    ratio = found[6]["time_s"] / found[5]["time_s"]
    yield Check("two kernels take twice as long as one", abs(ratio - 2) < 0.1, f"{ratio:.3f}")
    told = [gemm.get("clock_mhz"), gemm.get("temperature_c"), gemm.get("limited_by", "not told")]
    yield Check("clock and temperature are told", None not in told[:2], told)


def contention(rig: Rig) -> Iterator[Check]:
    alone, few, many, beside, after = rig.measure(
        task(0, [GEMM]),
        task(1, [], 2, 0, REDUCE),
        task(2, [], 16, 0, REDUCE),
        task(3, [GEMM], 16, 0, REDUCE),
        task(4, [GEMM], 16, 1, REDUCE),
    )
    yield Check("stand-ins take as many SMs as they have blocks", True, "2 and 16")
    yield Check("more blocks copy faster", many["time_s"] < few["time_s"], [few["time_s"], many["time_s"]])
    apart = after["time_s"] / (alone["time_s"] + many["time_s"])
    # Less than their sum where the power limit lowers the clock of the kernel alone.
    yield Check("apart, kernel and copy add up", 0.8 < apart < 1.05, f"{apart:.3f}")
    ratio = beside["time_s"] / after["time_s"]
    yield Check("beside each other they take less", ratio < 1, f"{ratio:.3f}")


def runtime(rig: Rig) -> Iterator[Check]:
    """The runtime's own checks; they observe, and no clock changes."""
    if rig.simulated:
        raise PassedOver("the GPU is simulated")
    build = str(rig.here / "build")
    environment = {**os.environ, "LD_LIBRARY_PATH": build, "KAREUS_BUILD_DIR": build}
    found = subprocess.run(
        [f"{build}/gpu_check"],
        capture_output=True,
        text=True,
        timeout=max(1, rig.left_s()),
        env=environment,
    )
    print(found.stdout.rstrip())
    if found.returncode == 77:
        raise PassedOver("CUDA cannot be used")
    for line in found.stdout.splitlines():
        if line.startswith(("ok ", "FAILED ")):
            yield Check(line.split(maxsplit=1)[1], line.startswith("ok"), "")
    yield Check("the program ended well", found.returncode == 0, found.returncode)


def iteration(rig: Rig) -> Iterator[Check]:
    """One whole training iteration against its prediction, which was made with this folder."""
    if rig.simulated or not rig.torch:
        raise PassedOver("the GPU is simulated" if rig.simulated else "torch is not there")
    predicted = json.loads((rig.here / "prediction.json").read_text())
    program = [sys.executable, str(rig.here / "iteration.py"), str(rig.here / "prediction.json")]
    found = subprocess.run(program, capture_output=True, text=True, timeout=max(1, rig.left_s()))
    if found.returncode != 0:
        raise RuntimeError(found.stderr.strip()[-300:])
    measured = json.loads(found.stdout.splitlines()[-1])
    if measured["gpu"].lower().find(predicted["gpu"].split("-")[0]) < 0:
        raise PassedOver(f"the prediction is for {predicted['gpu']}, this is {measured['gpu']}")
    for quantity in ("time_s", "energy_j"):
        ratio = measured[quantity] / predicted[quantity]
        most = 2 * predicted["expected_error"]["time" if quantity == "time_s" else "energy"]
        seen = f"{measured[quantity]:.4g}, predicted {predicted[quantity]:.4g}, {measured['execution']}"
        yield Check(f"{quantity} is within twice the stated error", abs(ratio - 1) <= most, seen)


def profile(rig: Rig) -> Iterator[Check]:
    """The example's kernels and partitions; what was measured before is not measured again."""
    path = rig.out / "answers.jsonl"
    answered = set()
    if path.exists():
        answered = {json.loads(line).get("task") for line in path.read_text().splitlines()}
    lines = (rig.here / "tasks.txt").read_text().splitlines()
    total = len(lines)
    lists: dict[str, list[str]] = {}
    for line in lines:
        words = line.split()
        if int(words[1]) not in answered:
            # NCCL takes its number of thread blocks once a process.
            lists.setdefault(words[5], []).append(line)
    with open(path, "a", encoding="utf-8") as file:
        for tasks in lists.values():
            for answer in rig.answers(tasks):
                if "gpu" not in answer or not answered:
                    file.write(json.dumps(answer) + "\n")
                    file.flush()
                answered.add(answer.get("task"))
    done = len(answered - {None})
    if done < total:
        raise NotReached(f"{done} of {total} tasks; run it again")
    yield Check("every task is answered", True, f"{done} in {path}; replay.py makes a profile of it")


@dataclass
class Stage:
    name: str
    about: str
    run: Callable[[Rig], Iterator[Check]]


STAGES = [
    Stage("kernels", "windows between ticks of the energy counter", kernels),
    Stage("contention", "stand-ins of collectives, alone and beside a product", contention),
    Stage("runtime", "boundaries, sampler and gates of the runtime", runtime),
    Stage("iteration", "a training iteration against its prediction", iteration),
    Stage("profile", "the example's work list", profile),
]
