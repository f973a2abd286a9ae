"""Real PyTorch, gloo, 2 and 4 ranks, the example's training loop under the simulated driver.

The plans are made by the built command line from the example's graph. Losses are compared by their
bits with a run of the same arithmetic that never imports the runtime, and the calls that reach the
driver with the plan, stage by stage.
"""

import functools
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
sys.path.insert(0, str(EXAMPLE))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@functools.lru_cache(maxsize=None)
def planned(tp):
    """The fastest plan of the example's decoder, two stages; switches cost nothing."""
    folder = tempfile.mkdtemp()
    unittest.addModuleCleanup(shutil.rmtree, folder)
    out, plan = os.path.join(folder, "out"), os.path.join(folder, "plan.json")
    layout = ["--tp", str(tp), "--pp", "2", "--microbatches", "4", "--switch-time-s", "0"]
    bind = ["--bind", "batch=4,sequence=32", "--points", "4", "--out", out]
    for words in (
        ["optimize", str(EXAMPLE / "decoder.onnx"), *layout, *bind],
        ["select", out, "--fastest", "--out", plan],
    ):
        subprocess.run([NODE, str(MAIN), *words], check=True, capture_output=True, timeout=120)
    return plan


def run(folder, environment, plan):
    """The same as `kareus run` starts it: the script starts its ranks."""
    losses = os.path.join(folder, "losses.json")
    words = [sys.executable, "-B", str(EXAMPLE / "train.py"), "--steps", str(STEPS)]
    done = subprocess.run(
        [NODE, str(MAIN), "run", "--plan", plan, "--", *words, "--losses", losses, "--synchronous"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
    )
    if done.returncode != 0:
        raise AssertionError(f"kareus run ended with {done.returncode}: {done.stderr}")
    with open(losses, encoding="utf-8") as file:
        return json.load(file), done.stdout + done.stderr


def train(folder, ranks, environment, *flags, plan=None):
    """All ranks of train.py to their end: losses (as hexadecimal floats) and what they said. Only
    rank 0 is told of a plan."""
    losses = os.path.join(folder, "losses.json")
    job = {"WORLD_SIZE": str(ranks), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    words = [sys.executable, "-B", str(EXAMPLE / "train.py"), "--tp", str(ranks // 2)]
    words += ["--steps", str(STEPS), "--losses", losses, "--synchronous", *flags]
    told = {} if plan is None else {"KAREUS_PLAN": plan}
    processes = [
        subprocess.Popen(
            words,
            env={
                **environment,
                **job,
                **(told if rank == 0 else {}),
                **{"RANK": str(rank), "LOCAL_RANK": str(rank)},
            },
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

    def follows(self, ranks, start):
        """`start(machine's environment, plan)` trains after the plan: losses, what was said."""
        plan = planned(ranks // 2)
        with open(plan, encoding="utf-8") as file:
            stages = parse_plan(file.read(), plan).stages
        executions = {i.nanobatched for stage in stages for i in stage}
        if ranks > 2:  # A rank alone has no communication to hide.
            self.assertEqual(executions, {False, True}, "the plan tests both")
        machine = Machine(self.folder, f"devices={ranks} busy=0.5")
        losses, said = start(machine.environment, plan)
        self.assertNotIn("warning", said)
        bare = {**machine.environment, "KAREUS_LIBRARY": "/nowhere", "PYTHONPATH": ""}
        alone, _ = train(self.folder, ranks, bare, "--without-runtime", plan)
        self.assertEqual(losses, alone)
        self.assertEqual(len(set(losses)), STEPS)
        for rank in range(ranks):
            instructions = stages[rank // (ranks // 2)]
            clocks = without_repeats([i.freq_mhz for i in instructions] * STEPS)
            self.assertEqual([mhz for _, mhz in machine.changes(rank)], [*clocks, 0], f"rank {rank}")

    def test_two_ranks_of_which_the_first_knows_the_plan(self):
        self.follows(2, lambda environment, plan: train(self.folder, 2, environment, plan=plan))

    def test_four_ranks_as_kareus_run_starts_them(self):
        self.follows(4, lambda environment, plan: run(self.folder, environment, plan))


@unittest.skipUnless(READY, "needs PyTorch, libkareus and the built command line")
class Arithmetic(unittest.TestCase):
    """The example's pieces compute what autograd computes of the exported model."""

    def setUp(self):
        import torch.distributed as dist

        store = dist.TCPStore("127.0.0.1", 0, 1, True)
        dist.init_process_group("gloo", store=store, rank=0, world_size=1)
        self.addCleanup(dist.destroy_process_group)

    def test_loss_and_gradients_are_those_of_the_whole_model(self):
        import torch
        from model import Decoder, Shape
        from stage import Stage
        from unplanned import Unplanned

        shape = Shape()
        stages = [Stage(shape, place, 2, 0, 1, None, microbatches=1) for place in (0, 1)]
        decoder = Decoder(shape)
        first, last = stages
        layers = [*first.modules[:2], *last.modules[:2]]
        whole = [*decoder.layers, decoder.embed_tokens, decoder.norm, decoder.lm_head]
        parts = [*layers, first.embedding, *last.modules[2:]]
        for mine, theirs in zip(parts, whole):
            theirs.load_state_dict(mine.state_dict())
        generator = torch.Generator().manual_seed(0)
        tokens, labels = torch.randint(shape.vocab, (2, 4, shape.sequence), generator=generator)
        wanted = decoder(tokens, labels)
        wanted.backward()
        # Forward and backward may be nanobatched or not, each for itself.
        for kinds in ((), ("forward",), ("backward",), ("forward", "backward")):
            for parameter in (p for stage in stages for p in stage.parameters()):
                parameter.grad = None
            runtime = Unplanned((kind, 0) for kind in kinds)
            with runtime.instruction("forward", 0):
                x = first.forward(runtime, 0, tokens, labels, None)
                loss = last.forward(runtime, 0, tokens, labels, x)
            with runtime.instruction("backward", 0):
                gradient = last.backward(runtime, 0, None)
                first.backward(runtime, 0, gradient)
            torch.testing.assert_close(loss, wanted.detach())
            for mine, theirs in zip(parts, whole):
                for own, its in zip(mine.parameters(), theirs.parameters()):
                    torch.testing.assert_close(own.grad, its.grad, rtol=1e-4, atol=1e-7)


@unittest.skipUnless(READY, "needs PyTorch, libkareus and the built command line")
class Naming(unittest.TestCase):
    def test_pieces_are_named_as_the_nodes_of_the_plan(self):
        from model import Layer, Shape
        from pieces import Run, segments_of

        path = planned(2)
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
            plan = planned(2)
            machine = Machine(folder)
            with self.assertRaises(AssertionError) as caught:
                train(folder, 2, machine.environment, plan=plan)
            said = str(caught.exception)
            self.assertEqual(said.count("PlanRefused: KRS5313"), 2, said)
            self.assertEqual([mhz for rank in (0, 1) for _, mhz in machine.changes(rank) if mhz], [])

    def test_a_plan_that_rank_0_cannot_read_is_refused_by_all(self):
        with tempfile.TemporaryDirectory() as folder:
            machine = Machine(folder)
            with self.assertRaises(AssertionError) as caught:
                train(folder, 2, machine.environment, plan="/nowhere/plan.json")
            self.assertEqual(str(caught.exception).count("PlanRefused: KRS5301"), 2)


if __name__ == "__main__":
    unittest.main()
