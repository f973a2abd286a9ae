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
from pathlib import Path

from support import EXAMPLE, LIBRARY, ROOT, Machine, schedule_data, without_repeats

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


def with_another_point(folder, tp):
    """A copy of the run with one more point, whose plan has every clock a step lower: their two plans."""
    out = os.path.join(folder, "run")
    shutil.copytree(os.path.join(os.path.dirname(planned(tp)), "out"), out)
    with open(os.path.join(out, "frontier.json"), encoding="utf-8") as file:
        frontier = json.load(file)
    first = frontier["points"][0]
    with open(os.path.join(out, first["plan"]), encoding="utf-8") as file:
        plan = json.load(file)
    for entry in [*plan["variants"], *(i for s in plan["stages"] for i in s["instructions"])]:
        if "freq_mhz" in entry:
            entry["freq_mhz"] -= 15
    for cost in plan["costs"]:
        cost["freq_mhz"] -= 15
    plan["gpu"]["clocks_mhz"] = [mhz - 15 for mhz in plan["gpu"]["clocks_mhz"]]
    last = frontier["points"][-1]
    other = {**last, "id": 77, "time_s": last["time_s"] * 2, "energy_j": last["energy_j"] / 2}
    plan["point"].update({"id": 77, "time_s": other["time_s"], "energy_j": other["energy_j"]})
    other.update(plan="plans/077.json", lower_bound_j=0)
    for path, data in (
        ("plans/077.json", plan),
        ("frontier.json", {**frontier, "points": [*frontier["points"], other]}),
    ):
        with open(os.path.join(out, path), "w", encoding="utf-8") as file:
            json.dump(data, file)
    return out, [os.path.join(out, first["plan"]), os.path.join(out, "plans/077.json")]


def run(folder, environment, *flags, steps=STEPS):
    """The same as `kareus run` starts it: the script starts its ranks."""
    losses = os.path.join(folder, "losses.json")
    words = [sys.executable, "-B", str(EXAMPLE / "train.py"), "--steps", str(steps)]
    done = subprocess.run(
        [NODE, str(MAIN), "run", *flags, "--", *words, "--losses", losses, "--synchronous"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=900,
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
        self.follows(4, lambda environment, plan: run(self.folder, environment, "--plan", plan))

    def test_a_schedule_changes_the_plan_of_four_ranks_before_the_same_step(self):
        out, plans = with_another_point(self.folder, 2)
        schedule = os.path.join(self.folder, "schedule.json")
        ids = [json.loads(Path(plan).read_text("utf-8"))["point"]["id"] for plan in plans]
        slots = [(0, 1e6, [(ids[0], 1), (ids[1], 2), (ids[0], 1)])]
        with open(schedule, "w", encoding="utf-8") as file:
            json.dump(schedule_data(slots, graph="decoder", frontier="run/frontier.json"), file)
        machine = Machine(self.folder, "devices=4 busy=0.5")
        losses, said = run(self.folder, machine.environment, "--follow", schedule)
        self.assertNotIn("warning", said)
        bare = {**machine.environment, "KAREUS_LIBRARY": "/nowhere", "PYTHONPATH": ""}
        alone, _ = train(self.folder, 4, bare, "--without-runtime", plans[0])
        self.assertEqual(losses, alone)
        one, other = [parse_plan(Path(plan).read_text("utf-8"), plan).stages for plan in plans]
        for rank in range(4):
            order = [one, other, other, one]
            clocks = [i.freq_mhz for stages in order for i in stages[rank // 2]]
            self.assertEqual([mhz for _, mhz in machine.changes(rank)], [*without_repeats(clocks), 0])

    def test_a_job_learns_from_its_own_first_steps(self):
        out, _ = with_another_point(self.folder, 2)
        machine = Machine(self.folder, "devices=4 busy=0.5")
        flags = ["--learn", out, "--learn-s", "1"]
        _, said = run(self.folder, machine.environment, *flags, steps=80)
        with open(os.path.join(out, "learn-1", "saving.json"), encoding="utf-8") as file:
            saving = json.load(file)
        self.assertEqual(saving["source"], "modelled")
        self.assertGreater(saving["before"]["steps"], 20)
        # Planning has what CPU the ranks leave it: on a busy machine the job may end first, and says so.
        if saving["after"] is None or saving["after"]["energy_j"] is None:
            self.skipTest("the job ended before its new plan")
        power_w = [
            saving[phase]["energy_j"]["mean"] / saving[phase]["time_s"]["mean"]
            for phase in ("before", "after")
        ]
        # Four GPUs that compute half of the time: the driver's formula at the highest clock, then below it.
        self.assertAlmostEqual(power_w[0], 4 * (85 + 0.5 * 315), delta=10)
        self.assertLess(power_w[1], power_w[0] - 10)
        for rank in range(4):
            self.assertEqual([mhz for _, mhz in machine.changes(rank)][-1], 0)


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
