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
except ImportError:
    raise unittest.SkipTest("torch, onnxscript and transformers are not installed") from None

from kareus_runtime.export import export
from kareus_runtime.export.exporting import _trace
from kareus_runtime.export.transformers_models import model_and_inputs
from export_models import BATCH, CONFIGS, TOKENS, product_flops, save_config

ROOT = Path(__file__).resolve().parents[3]
KAREUS = ROOT / "dist/src/cli/main.js"


def inspect(path: Path) -> dict:
    """What `kareus inspect` finds in a graph."""
    run = subprocess.run(
        ["node", str(KAREUS), "inspect", str(path), "--json"], capture_output=True, text=True
    )
    if run.returncode != 0:
        raise AssertionError(f"kareus inspect {path.name} ended with {run.returncode}: {run.stderr}")
    return json.loads(run.stdout)


class Transformers(unittest.TestCase):
    """Every kind of model: exported without weights, read by kareus, all of its products there."""

    def check(self, name: str) -> None:
        with tempfile.TemporaryDirectory() as folder:
            save_config(name, folder)
            model, inputs = model_and_inputs(Path(folder), BATCH, TOKENS, torch.bfloat16)
            path = Path(folder) / f"{name}.onnx"
            export(model, inputs, path)
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


class Joint(unittest.TestCase):
    """Forward and backward as AOTAutograd traces them: twice the products, as derived from the forward."""

    def test_tied_parameters_are_told(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            save_config("gpt2", folder)
            model, inputs = model_and_inputs(Path(folder), BATCH, TOKENS, torch.bfloat16)
            with self.assertRaisesRegex(ValueError, "no joint graph: .* derives the backward"):
                export(model, inputs, Path(folder) / "never.onnx", joint=True)

    def test_llama(self) -> None:
        work: dict = {}
        with tempfile.TemporaryDirectory() as folder:
            save_config("llama", folder)
            for joint in (False, True):
                model, inputs = model_and_inputs(Path(folder), BATCH, TOKENS, torch.bfloat16)
                path = Path(folder) / f"{joint}.onnx"
                export(model, inputs, path, joint=joint)
                self.assertTrue(all(each.is_meta for each in model.parameters()))
                for kernel in inspect(path)["kernels"]:
                    if kernel["class"] == "linear":
                        key = joint, kernel["direction"]
                        work[key] = work.get(key, 0) + kernel["flops"]
        for direction, factor in (("forward", 1), ("backward", 2)):
            self.assertEqual(work[True, direction], work[False, direction])
            self.assertAlmostEqual(work[True, direction] / work[True, "forward"], factor, delta=0.05)


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
