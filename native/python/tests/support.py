"""What the tests share: plans made by hand, the built library, the simulated driver."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
BUILD = ROOT / "native" / "build"
LIBRARY = BUILD / "libkareus.so"
JOB = Path(__file__).with_name("job.py")
EXAMPLE = ROOT / "examples" / "pytorch"

sys.path.insert(0, str(ROOT / "native" / "python"))


def one_f_one_b(stage, stages, microbatches):
    warm_up = min(microbatches, stages - stage)
    order = [("forward", m) for m in range(warm_up)]
    for m in range(microbatches):
        order.append(("backward", m))
        if warm_up + m < microbatches:
            order.append(("forward", warm_up + m))
    return order


def plan_data(
    stages=1, microbatches=2, clocks=(1410, 900), gpu="a100-sxm4-40gb", orders=None, **parallelism
):
    """A plan, whose clocks take turns from instruction to instruction, then a tail.

    `orders` are those of the stages, as tuples (kind, microbatch, chunk), in place of 1F1B's.
    """
    if orders is None:
        each = [one_f_one_b(stage, stages, microbatches) for stage in range(stages)]
        orders = [[(kind, m, 0) for kind, m in order] for order in each]
    layout = dict(tp=1, cp=1, ep=1, pp=len(orders), dp=1, microbatches=microbatches)
    layout.update({"pipeline": "1f1b", "chunks": 1, "recompute": "none", **parallelism})
    slots = [{"name": n, "nodes": [f"/layers.0/{n}"]} for n in ("norm_0", "linear_0", "attn_0")]
    communication = {"kind": "all_reduce", "size_bytes": 1024, "group": "tp"}
    keys = ("forward.000000000001", "backward.000000000002")
    instructions = []
    for given in orders:
        order = [*given, ("tail", None, 0)]
        instructions.append(
            [
                {
                    "kind": kind,
                    "microbatch": m,
                    "chunk": chunk,
                    "freq_mhz": clocks[index % len(clocks)],
                    "execution": "sequential",
                    "use": []
                    if kind == "tail"
                    else [{"configuration": int(kind != "forward"), "layers": [0], "nanobatch": None}],
                    "start_s": 0.001 * index,
                    "time_s": 0.001,
                    "energy_j": 0.1,
                }
                for index, (kind, m, chunk) in enumerate(order)
            ]
        )
    return {
        "format": "kareus-plan",
        "version": 1,
        "graph": {"name": "made", "sha256": "0" * 64},
        "gpu": {"name": gpu, "sm_count": 108, "clocks_mhz": sorted(set(clocks))},
        "parallelism": layout,
        "static_power_w": 85,
        "point": {"id": 0, "time_s": 0.01, "energy_j": 1.0},
        "partitions": [
            {"key": key, "direction": key.split(".")[0], "slots": slots, "communication": communication}
            for key in keys
        ],
        "configurations": [
            {"id": 0, "partition": keys[0], "launch_slot": "linear_0", "sms": 4, "order": None},
            {"id": 1, "partition": keys[1], "launch_slot": None, "sms": 8, "order": [0, 2, 1]},
        ],
        "stages": [{"stage": s, "instructions": each} for s, each in enumerate(instructions)],
    }


def packed(data):
    """A plan of version 1 as version 2 has it."""
    variants = []
    stages = []
    for stage in data["stages"]:
        instructions = []
        for entry in stage["instructions"]:
            place = {k: entry[k] for k in ("kind", "microbatch", "chunk", "start_s")}
            runs = {k: v for k, v in entry.items() if k not in place}
            if runs not in variants:
                variants.append(runs)
            instructions.append({**place, "variant": variants.index(runs)})
        stages.append({**stage, "instructions": instructions})
    return {**data, "version": 2, "variants": variants, "stages": stages}


def tabled(data):
    """A plan of version 2 as version 3 has it."""
    uses, variants, stages = [], [], []
    for stage in data["stages"]:
        own = [data["variants"][entry["variant"]] for entry in stage["instructions"]]
        layers = sorted({n for variant in own for use in variant["use"] for n in use["layers"]})
        instructions = []
        for entry, variant in zip(stage["instructions"], own):
            list_of = [{**u, "layers": [layers.index(n) for n in u["layers"]]} for u in variant["use"]]
            if list_of not in uses:
                uses.append(list_of)
            runs = {**variant, "use": uses.index(list_of)}
            if runs not in variants:
                variants.append(runs)
            instructions.append({**entry, "variant": variants.index(runs)})
        stages.append({**stage, "layers": layers, "instructions": instructions})
    return {**data, "version": 3, "uses": uses, "variants": variants, "stages": stages}


def schedule_data(slots, **more):
    """A schedule of slots: start, end, and the points with their iterations."""
    nothing = {"iterations": 0, "end_s": 0, "energy_j": 0, "carbon_g": None, "cost": None}
    return {
        **{"format": "kareus-schedule", "version": 1, "graph": "made", "gpu": "a100-sxm4-40gb"},
        **{"minimize": "energy", "reload_s": 0, "totals": nothing, "baselines": [], "optimum": nothing},
        "slots": [
            {"start_s": start, "end_s": end, "runs": [{"point": p, "iterations": n} for p, n in runs]}
            for start, end, runs in slots
        ],
        **more,
    }


def write_plan(folder, data):
    path = os.path.join(folder, "plan.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(data, file)
    return path


class Machine:
    """A simulated machine: a driver's state, a journal and a log of the driver's calls, in a folder."""

    def __init__(self, folder, simulated="devices=4", **environment):
        self.log = os.path.join(folder, "nvml.log")
        self.environment = {
            **os.environ,
            "KAREUS_LIBRARY": str(LIBRARY),
            "KAREUS_NVML": str(BUILD / "simulated" / "libnvidia-ml.so.1"),
            "KAREUS_CUDA": str(BUILD / "simulated" / "libcuda.so.1"),
            "KAREUS_SIM_STATE": os.path.join(folder, "nvml.state"),
            "KAREUS_SIM_LOG": self.log,
            "KAREUS_SIM": simulated,
            "KAREUS_STATE_DIR": os.path.join(folder, "state"),
            "KAREUS_PRIVILEGED": "1",
            "PYTHONPATH": os.pathsep.join(
                [str(ROOT / "native" / "python"), *filter(None, [os.environ.get("PYTHONPATH")])]
            ),
            "PYTHONDONTWRITEBYTECODE": "1",
            **environment,
        }
        for name in ("KAREUS_PLAN", "KAREUS_MODE", "KAREUS_BACKEND", "KAREUS_PROFILE"):
            if name not in environment:
                self.environment.pop(name, None)

    def job(self, plan, *flags):
        """Runs job.py to its end: what it reports."""
        done = subprocess.run(
            [sys.executable, str(JOB), plan, *map(str, flags)],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        if done.returncode != 0:
            raise AssertionError(f"the job failed: {done.stderr}")
        return json.loads(done.stdout.splitlines()[-1])

    def changes(self, device=0):
        """What the driver was asked for: (monotonic ns, MHz or 0 for a reset), successful or not."""
        found = []
        with open(self.log, encoding="utf-8") as file:
            for line in file:
                at_ns, _pid, function, *arguments = line.split()
                if not function.endswith("GpuLockedClocks") or int(arguments[0]) != device:
                    continue
                found.append((int(at_ns), 0 if "Reset" in function else int(arguments[1])))
        return found


def without_repeats(clocks):
    """A clock that stays is set once."""
    return [clock for index, clock in enumerate(clocks) if index == 0 or clocks[index - 1] != clock]
