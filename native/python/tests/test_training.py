"""Real PyTorch, gloo, 2 and 4 ranks, the example's training loop under the simulated driver.

The plans are made by the built command line from the example's graph. Losses are compared by their
bits with a run of the same arithmetic that never imports the runtime, and the calls that reach the
driver with the plan, stage by stage.
"""

import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest

from support import EXAMPLE, LIBRARY, ROOT, Machine, without_repeats

from kareus_runtime.plan import parse_plan

MAIN = ROOT / "dist" / "src" / "cli" / "main.js"
NODE = shutil.which("node")
READY = LIBRARY.exists() and MAIN.exists() and NODE and importlib.util.find_spec("torch")
STEPS = 4


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def make_plan(folder, tp):
    """The fastest plan of the example's decoder, two stages; switches cost nothing."""
    out = os.path.join(folder, f"tp{tp}.kareus")
    layout = ["--tp", str(tp), "--pp", "2", "--microbatches", "4", "--switch-time-s", "0"]
    bind = ["--bind", "batch=4,sequence=32", "--points", "4", "--out", out]
    for words in (
        ["optimize", str(EXAMPLE / "decoder.onnx"), *layout, *bind],
        ["select", out, "--fastest", "--out", os.path.join(folder, f"tp{tp}.json")],
    ):
        subprocess.run([NODE, str(MAIN), *words], check=True, capture_output=True, timeout=120)
    return os.path.join(folder, f"tp{tp}.json")


def train(folder, ranks, environment, *flags):
    """All ranks of train.py to their end: losses (as hexadecimal floats) and what they said."""
    losses = os.path.join(folder, "losses.json")
    job = {"WORLD_SIZE": str(ranks), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    words = [sys.executable, "-B", str(EXAMPLE / "train.py"), "--tp", str(ranks // 2)]
    words += ["--steps", str(STEPS), "--losses", losses, "--synchronous", *flags]
    processes = [
        subprocess.Popen(
            words,
            env={**environment, **job, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(ranks)
    ]
    said = ""
    try:
        for process in processes:
            out, err = process.communicate(timeout=120)
            said += out + err
    finally:
        for process in processes:
            process.kill()
    if any(process.returncode for process in processes):
        raise AssertionError(f"ranks ended with {[p.returncode for p in processes]}: {said}")
    with open(losses, encoding="utf-8") as file:
        return json.load(file), said


@unittest.skipUnless(READY, "needs PyTorch, libkareus and the built command line")
class Training(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def follows(self, ranks):
        plan = make_plan(self.folder, ranks // 2)
        with open(plan, encoding="utf-8") as file:
            stages = json.load(file)["stages"]
        executions = {i["execution"] for stage in stages for i in stage["instructions"]}
        if ranks > 2:  # A rank alone has no communication to hide.
            self.assertEqual(executions, {"sequential", "nanobatched"}, "the plan tests both")
        machine = Machine(self.folder, f"devices={ranks} busy=0.5", KAREUS_PLAN=plan)
        planned, said = train(self.folder, ranks, machine.environment)
        self.assertNotIn("warning", said)
        bare = {**machine.environment, "KAREUS_LIBRARY": "/nowhere", "PYTHONPATH": ""}
        alone, _ = train(self.folder, ranks, bare, "--without-runtime", plan)
        self.assertEqual(planned, alone)
        self.assertEqual(len(set(planned)), STEPS)
        for rank in range(ranks):
            instructions = stages[rank // (ranks // 2)]["instructions"]
            clocks = without_repeats([i["freq_mhz"] for i in instructions] * STEPS)
            self.assertEqual([mhz for _, mhz in machine.changes(rank)], [*clocks, 0], f"rank {rank}")

    def test_two_ranks(self):
        self.follows(2)

    def test_four_ranks(self):
        self.follows(4)


@unittest.skipUnless(READY, "needs PyTorch, libkareus and the built command line")
class Naming(unittest.TestCase):
    def test_pieces_are_named_as_the_nodes_of_the_plan(self):
        sys.path.insert(0, str(EXAMPLE))
        from model import Layer, Shape
        from pieces import Run, segments_of

        with tempfile.TemporaryDirectory() as folder:
            path = make_plan(folder, 2)
            with open(path, encoding="utf-8") as file:
                plan = parse_plan(file.read(), path)
        for stage, instructions in enumerate(plan.stages):
            for instruction in instructions[:-1]:
                forward = instruction.kind == "forward"
                for layer in (2 * stage, 2 * stage + 1):
                    for segment in segments_of(Layer(Shape(), 2), layer):
                        run = Run(None, 1)
                        pieces, _ = segment.forward(run) if forward else segment.backward(run)
                        nanobatch = 1 if instruction.nanobatched else None
                        found = instruction.find(pieces[-1][0], layer, nanobatch)
                        where = f"stage {stage}, {instruction.name}, {pieces[-1][0]}"
                        self.assertIsNotNone(found, where)
                        nodes = [node for slot in found.slots for node in slot.nodes]
                        for name, _ in pieces:
                            self.assertTrue(any(name in node for node in nodes), f"{where}: {name}")


@unittest.skipUnless(READY, "needs PyTorch, libkareus and the built command line")
class Refusing(unittest.TestCase):
    def test_a_plan_for_more_ranks_is_refused_by_all(self):
        with tempfile.TemporaryDirectory() as folder:
            plan = make_plan(folder, 2)
            machine = Machine(folder, KAREUS_PLAN=plan)
            with self.assertRaises(AssertionError) as caught:
                train(folder, 2, machine.environment)
            said = str(caught.exception)
            self.assertEqual(said.count("PlanRefused: KRS5313"), 2, said)
            self.assertEqual([mhz for rank in (0, 1) for _, mhz in machine.changes(rank) if mhz], [])

    def test_a_plan_that_rank_0_cannot_read_is_refused_by_all(self):
        with tempfile.TemporaryDirectory() as folder:
            machine = Machine(folder, KAREUS_PLAN="/nowhere/plan.json")
            with self.assertRaises(AssertionError) as caught:
                train(folder, 2, machine.environment)
            self.assertEqual(str(caught.exception).count("PlanRefused: KRS5301"), 2)


if __name__ == "__main__":
    unittest.main()
