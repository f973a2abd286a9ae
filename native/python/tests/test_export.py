"""Models of the real transformers package become graphs that the built `kareus` reads."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

try:
    import onnx
    import onnxscript  # noqa: F401
    import torch
    import transformers  # noqa: F401
    from torch.utils.flop_counter import FlopCounterMode
except ImportError:
    raise unittest.SkipTest("torch, onnxscript and transformers are not installed") from None

from kareus_runtime import export
from kareus_runtime.export.exporting import _trace
from kareus_runtime.export.transformers_models import model_and_inputs
import cut_model
from export_models import BATCH, CONFIGS, TOKENS, product_flops, save_config

ROOT = Path(__file__).resolve().parents[3]
KAREUS = ROOT / "dist/src/cli/main.js"


def inspect(path: Path, *flags: str) -> dict:
    """What `kareus inspect` finds in a graph."""
    words = ["node", str(KAREUS), "inspect", str(path), "--json", *flags]
    run = subprocess.run(words, capture_output=True, text=True)
    if run.returncode != 0:
        raise AssertionError(f"kareus inspect {path.name} ended with {run.returncode}: {run.stderr}")
    return json.loads(run.stdout)


def exported(name: str, folder: str) -> tuple:
    """A kind of model, its inputs, and its graph in a folder."""
    save_config(name, folder)
    model, inputs = model_and_inputs(Path(folder), BATCH, TOKENS, torch.bfloat16)
    path = Path(folder) / f"{name}.onnx"
    export(model, inputs, path)
    return model, inputs, path


class Transformers(unittest.TestCase):
    """Every kind of model: exported without weights, read by kareus, all of its products there."""

    def check(self, name: str) -> None:
        with tempfile.TemporaryDirectory() as folder:
            model, inputs, path = exported(name, folder)
            self.assertLess(path.stat().st_size, 2_000_000)
            parameters = sum(each.numel() for each in model.parameters())
            flops = product_flops(_trace(model.train(), inputs, None, None))
            found = inspect(path)
        # An embedding shared with the output layer is one parameter, a norm of no weight none.
        counted = sum(found["parameters"])
        self.assertLess(abs(counted - parameters) / parameters, 0.02)
        linears = sum(
            kernel["flops"]
            for kernel in found["kernels"]
            if kernel["direction"] == "forward" and kernel["class"] == "linear"
        )
        self.assertGreaterEqual(linears, 0.97 * flops)
        self.assertLessEqual(linears, 1.03 * flops)


for _name in CONFIGS:
    setattr(Transformers, f"test_{_name}", lambda self, name=_name: self.check(name))


class Frozen(unittest.TestCase):
    """Parameters that take no gradient are noted, and kareus derives no weight gradients for them."""

    def test_low_rank(self) -> None:
        class Adapted(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.base = torch.nn.Linear(32, 48, bias=False).requires_grad_(False)
                self.down = torch.nn.Linear(32, 4, bias=False)
                self.up = torch.nn.Linear(4, 48, bias=False)

            def forward(self, x: torch.Tensor) -> torch.Tensor:
                return (self.base(x) + self.up(self.down(x))).square().mean()

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "adapted.onnx"
            export(Adapted(), {"x": torch.randn(64, 32)}, path)
            found = inspect(path)
        linears: dict = {}
        for kernel in found["kernels"]:
            if kernel["class"] == "linear":
                half = kernel["direction"] == "forward"
                linears[half] = linears.get(half, 0) + kernel["flops"]
        self.assertEqual(linears[True], 2 * 64 * (32 * 48 + 32 * 4 + 4 * 48))
        # The weight gradients of the adapter, and what the second of its products hands to the first.
        self.assertEqual(linears[False], 2 * 64 * (32 * 4 + 2 * 4 * 48))


class Joint(unittest.TestCase):
    """Forward and backward as AOTAutograd traces them: the same products as derived from the forward."""

    def check(self, name: str) -> None:
        work: dict = {}
        parameters = []
        with tempfile.TemporaryDirectory() as folder:
            save_config(name, folder)
            for joint in (False, True):
                model, inputs = model_and_inputs(Path(folder), BATCH, TOKENS, torch.bfloat16)
                path = Path(folder) / f"{joint}.onnx"
                export(model, inputs, path, joint=joint)
                self.assertTrue(all(each.is_meta for each in model.parameters()))
                found = inspect(path)
                parameters.append(found["parameters"])
                for kernel in found["kernels"]:
                    if kernel["class"] in ("linear", "conv"):
                        key = joint, kernel["class"], kernel["direction"]
                        work[key] = work.get(key, 0) + kernel["flops"]
        self.assertEqual(*parameters)
        joint = {key[1:]: flops for key, flops in work.items() if key[0]}
        self.assertEqual(joint, {key[1:]: flops for key, flops in work.items() if not key[0]})
        backward = joint["linear", "backward"] / joint["linear", "forward"]
        self.assertAlmostEqual(backward, 2, delta=0.05)

    def test_a_parameter_without_a_gradient_is_told(self) -> None:
        class Compared(torch.nn.Linear):
            def forward(self, x: torch.Tensor) -> torch.Tensor:
                return (torch.nn.functional.linear(x, self.weight) * (x > self.bias)).mean()

        with torch.device("meta"):
            model, x = Compared(64, 64), torch.zeros(4, 64)
        with self.assertRaisesRegex(ValueError, "no joint graph: .* derives the backward"):
            export(model, (x,), "never.onnx", joint=True)


# Tied parameters, a convolution, experts whose rows are grouped. Not T5: its attention, with a learned bias, stays in
# pieces in a joint graph, whose products count as linear.
for _name in ("llama", "gpt2", "vit", "mixtral"):
    setattr(Joint, f"test_{_name}", lambda self, name=_name: self.check(name))


class Checkpointed(unittest.TestCase):
    """What torch's checkpoint runs again of layers, and what `--recompute` says that it does."""

    def linear_flops(self, model: torch.nn.Module, inputs: dict) -> int:
        """What torch counts of the linears of one iteration."""
        with FlopCounterMode(display=False) as counter:
            model(**inputs).loss.backward()
        linears = (torch.ops.aten.mm, torch.ops.aten.addmm)
        return sum(counter.get_flop_counts()["Global"].get(each, 0) for each in linears)

    def check(self, name: str) -> None:
        with tempfile.TemporaryDirectory() as folder:
            model, inputs, path = exported(name, folder)
            found = {
                how: sum(
                    kernel["flops"]
                    for kernel in inspect(path, "--recompute", how)["kernels"]
                    if kernel["class"] == "linear"
                )
                for how in ("none", "full", "early-stop")
            }
        model = model.to_empty(device="cpu").train()
        inputs = {key: torch.zeros_like(each, device="cpu") for key, each in inputs.items()}
        self.assertEqual(self.linear_flops(model, inputs), found["none"])
        for how, reentrant in ("full", True), ("early-stop", False):
            model.gradient_checkpointing_enable({"use_reentrant": reentrant})
            self.assertEqual(self.linear_flops(model, inputs), found[how], how)
        self.assertLess(found["early-stop"], found["full"])


for _name in ("llama", "qwen3", "gpt_neox"):
    setattr(Checkpointed, f"test_{_name}", lambda self, name=_name: self.check(name))


class Cut(unittest.TestCase):
    """A model of torch.distributed.tensor.parallel: one rank's part, with its collectives."""

    @classmethod
    def tearDownClass(cls) -> None:
        cut_model.leave()

    def communication(self, by_sequence: bool) -> dict:
        """Collectives by direction, kind, group and ranks; the linears must be those of one rank."""
        model, inputs = cut_model.make(by_sequence)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "cut.onnx"
            export(model, inputs, path)
            found = inspect(path)
        linears = 2 * 2 * 2 * cut_model.TOKENS * 4 * cut_model.WIDTH**2 // cut_model.RANKS
        flops = {"forward": 0, "backward": 0}
        for kernel in found["kernels"]:
            if kernel["class"] == "linear":
                flops[kernel["direction"]] += kernel["flops"]
        whole = linears * cut_model.LAYERS
        self.assertEqual(flops, {"forward": whole, "backward": 2 * whole})
        return {
            (each["direction"], each["kind"], each["group"], each["ranks"]): each["count"]
            for each in found["collectives"]
        }

    def test_tensor_parallel(self) -> None:
        sums = {(way, "all_reduce", "tp", 4): cut_model.LAYERS for way in ("forward", "backward")}
        self.assertEqual(self.communication(False), sums)

    def test_by_sequence(self) -> None:
        found = {
            (way, kind, "tp", 4): cut_model.LAYERS
            for way in ("forward", "backward")
            for kind in ("all_gather", "reduce_scatter")
        }
        self.assertEqual(self.communication(True), found)

    def test_jointly_is_refused(self) -> None:
        model, inputs = cut_model.make()
        with self.assertRaisesRegex(ValueError, "without joint, kareus derives the backward"):
            export(model, inputs, "never.onnx", joint=True)


class Exports(unittest.TestCase):
    def test_command_line(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            save_config("llama", folder)
            out = Path(folder) / "llama.onnx"
            command = [sys.executable, "-W", "ignore", "-m", "kareus_runtime.export"]
            run = subprocess.run(
                [*command, "--config", folder, "--sequence", "64", "--out", str(out)],
                capture_output=True,
                text=True,
                env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])},
            )
            self.assertEqual(run.returncode, 0, run.stderr)
            self.assertIn("kareus optimize", run.stdout)
            model = onnx.load(str(out), load_external_data=False)
        kept = [each for each in model.graph.initializer if each.raw_data]
        self.assertLess(sum(len(each.raw_data) for each in kept), 8192)

    def test_a_loss_of_its_own(self) -> None:
        with torch.device("meta"):
            model = torch.nn.Linear(64, 8)
            x, y = torch.zeros(4, 64), torch.zeros(4, dtype=torch.long)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "linear.onnx"
            export(
                model,
                (x, y),
                path,
                loss=lambda m, x, y: torch.nn.functional.cross_entropy(m(x), y),
            )
            self.assertEqual(sum(inspect(path)["parameters"]), 520)

    def test_no_loss_is_told(self) -> None:
        with torch.device("meta"):
            model, x = torch.nn.Linear(64, 8), torch.zeros(4, 64)
        with self.assertRaisesRegex(ValueError, "no scalar loss"):
            export(model, (x,), "never.onnx")

    def test_equal_parameters_stay_apart(self) -> None:
        class Block(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.a, self.b = torch.nn.LayerNorm(64), torch.nn.LayerNorm(64)

            def forward(self, x: torch.Tensor) -> torch.Tensor:
                return (self.a(x) + self.b(x)).sum()

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "block.onnx"
            export(Block(), (torch.zeros(4, 64),), path)
            graph = onnx.load(str(path), load_external_data=False).graph
        self.assertEqual(sum("weight" in each.name for each in graph.initializer), 2)


if __name__ == "__main__":
    unittest.main()
