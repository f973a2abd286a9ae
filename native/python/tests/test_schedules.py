"""Every schedule of the real torch.distributed.pipelining, on gloo with 2, 3 and 4 ranks.

The order that the adapter foretells is the one that torch runs and the one that the shim records; a plan
of that order is followed, clock by clock, and losses stay what they are without it, bit by bit.
"""

import functools
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from support import LIBRARY, ROOT, Machine, without_repeats

from kareus_runtime.checks import PIPELINES
from kareus_runtime.plan import parse_plan

JOB = Path(__file__).with_name("schedules_job.py")
MAIN = ROOT / "dist" / "src" / "cli" / "main.js"
NODE = shutil.which("node")
STEPS, MICROBATCHES = 2, 8


def current():
    """Whether there is a torch whose schedules keep what they run; Debian's has none."""
    try:
        import torch.distributed.pipelining.schedules as schedules
    except ImportError:
        return False
    return hasattr(schedules, "ScheduleDualPipeV")


READY = LIBRARY.exists() and importlib.util.find_spec("torch") and current()


@functools.lru_cache(maxsize=None)
def reports(ranks):
    """What came of every schedule, by rank."""
    with tempfile.TemporaryDirectory() as folder:
        machine = Machine(folder, f"devices={ranks} busy=0.5")
        results = os.path.join(folder, "results.json")
        environment = {**machine.environment, "KAREUS_PROFILE_HERE": folder, "TMPDIR": folder}
        words = [sys.executable, "-B", "-W", "ignore", str(JOB), str(ranks), results]
        done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=900)
        if done.returncode != 0:
            raise AssertionError(done.stderr)
        with open(results, encoding="utf-8") as file:
            return json.load(file)


@unittest.skipUnless(READY, "needs libkareus and PyTorch with torch.distributed.pipelining's schedules")
class Schedules(unittest.TestCase):
    def follows(self, ranks):
        for rank, found in enumerate(reports(ranks)):
            self.assertEqual((found["warnings"], found["disagreed"]), ([], "KRS5317"))
            for name, report in found["reports"].items():
                with self.subTest(schedule=name, ranks=ranks, rank=rank):
                    self.followed(report)

    def followed(self, report):
        chunk_of = {index: chunk for chunk, index in enumerate(report["stages"])}
        ran = [[kind, microbatch, chunk_of[index]] for kind, microbatch, index in report["ran"]]
        self.assertEqual(report["declared"], ran)
        planned = report["planned"]
        self.assertEqual([entry[:3] for entry in planned[:-1]], ran)
        self.assertEqual(report["mode"], "control")
        self.assertEqual([e[:3] for e in report["recorded"][:-1]], ([*ran, ["tail", -1, 0]] * STEPS)[:-1])
        self.assertEqual([entry[3] for entry in report["recorded"]], [e[3] for e in planned] * STEPS)
        self.assertEqual(report["changes"], without_repeats([e[3] for e in planned] * STEPS))
        self.assertEqual(report["followed"], report["losses"])
        self.assertIn("KRS5314", report["refused"])

    def test_the_planner_plans_the_order_that_torch_runs(self):
        if not (MAIN.exists() and NODE):
            self.skipTest("needs the built command line")
        found = [each["reports"] for each in reports(2)]
        graph = str(ROOT / "examples" / "pytorch" / "decoder.onnx")
        for schedule, pipeline in PIPELINES.items():
            name = schedule.removeprefix("Schedule")
            chunks = len(found[0][name]["stages"])
            with self.subTest(schedule=name), tempfile.TemporaryDirectory() as out:
                layout = ["--pp", "2", "--microbatches", str(MICROBATCHES), "--pipeline", pipeline]
                layout += ["--chunks", str(chunks), "--bind", "batch=2,sequence=16", "--points", "1"]
                words = [NODE, str(MAIN), "optimize", graph, *layout, "--out", out]
                subprocess.run(words, check=True, capture_output=True, timeout=300)
                path = Path(out) / "plans" / "000.json"
                for stage, planned in enumerate(parse_plan(path.read_text(), str(path)).stages):
                    order = [[i.kind, i.microbatch, i.chunk] for i in planned if i.kind != "tail"]
                    self.assertEqual(order, found[stage][name]["declared"])

    def test_two_ranks(self):
        self.follows(2)

    def test_three_ranks(self):
        self.follows(3)

    def test_four_ranks(self):
        self.follows(4)
