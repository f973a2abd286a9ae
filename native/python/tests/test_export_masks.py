"""What masks show is noted where an export leaves their elements out, and kareus reads it."""

from __future__ import annotations

import json
import math
import subprocess
import tempfile
import unittest
from pathlib import Path

try:
    import onnx
    import onnxscript  # noqa: F401
    import torch
    from torch import nn
except ImportError:
    raise unittest.SkipTest("torch and onnxscript are not installed") from None

from kareus_runtime import export
from kareus_runtime.export.masks import KEY, note_of

KAREUS = Path(__file__).resolve().parents[3] / "dist/src/cli/main.js"
ROWS, WIDTH, HEADS = 128, 64, 2
PLACE = torch.arange(ROWS)
APART = PLACE[:, None] - PLACE
CAUSAL = APART >= 0
DOCUMENTS = (PLACE // 50)[:, None] == PLACE // 50


def hiding(shown: torch.Tensor, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.zeros(shown.shape, dtype=dtype).masked_fill(~shown, -math.inf)


class Attention(nn.Module):
    def __init__(self, mask: torch.Tensor) -> None:
        super().__init__()
        self.mix = nn.Linear(WIDTH, 3 * WIDTH)
        self.register_buffer("mask", mask)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        query, key, value = self.mix(x).view(2, ROWS, 3, HEADS, -1).permute(2, 0, 3, 1, 4)
        scores = query @ key.transpose(-1, -2)
        mask = self.mask if self.mask.dtype != torch.int64 else (self.mask >= 0) & (self.mask < 16)
        masked = scores.masked_fill(~mask, -math.inf) if mask.dtype == torch.bool else scores + mask
        return (masked.softmax(-1) @ value).square().mean()


class Masks(unittest.TestCase):
    def test_notes(self) -> None:
        slopes = torch.tensor([0.5, 0.25])[:, None, None]
        most = ROWS - 1
        for mask, note in (
            (CAUSAL, f"{most} 0"),
            (CAUSAL.int()[None, None], f"{most} 0"),
            (hiding(CAUSAL), f"{most} 0"),
            (hiding(CAUSAL, torch.bfloat16), f"{most} 0"),
            (hiding(CAUSAL, torch.float16) - slopes.half() * APART, f"{most} 0"),
            (-10000 * (1 - CAUSAL.float()), f"{most} 0"),
            (CAUSAL & (APART < 16), "15 0"),
            (APART.abs() <= 3, "3 3"),
            (torch.stack([CAUSAL, CAUSAL & (APART < 16)]), f"{most} 0 1"),
            (CAUSAL & DOCUMENTS, f"{most} 0 1"),
            (hiding(DOCUMENTS) - APART, ""),
            (hiding(CAUSAL | (PLACE < 32)), ""),
            (torch.eye(ROWS), f"{most} {most}"),
            (torch.ones(ROWS, ROWS), f"{most} {most}"),
            (torch.randn(ROWS, ROWS), f"{most} {most}"),
            (slopes * APART, f"{most} {most}"),
            (APART, f"{most} {most} 0 1 -1"),
            (7 - 2 * APART.abs().float(), f"{most} {most} 7 -2 -2"),
            (torch.ones(ROWS), None),
            (torch.ones(ROWS, ROWS + 1), f"{ROWS} {ROWS}"),
            (hiding(torch.ones(ROWS, ROWS + 1).tril() == 1), ""),
            (torch.ones(1, ROWS), None),
        ):
            self.assertEqual(note_of(mask), note)

    def test_an_export_keeps_what_its_mask_shows(self) -> None:
        # Two products forward, each of 2 x 128 x 128 x 64 multiplications and additions.
        whole = 2 * 2 * 2 * ROWS * ROWS * WIDTH
        for mask, share in (
            (hiding(CAUSAL), 0.5),
            (CAUSAL | (PLACE < 32), 1),
            (APART, 16 / ROWS),
        ):
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "masked.onnx"
                export(Attention(mask), {"x": torch.randn(2, ROWS, WIDTH)}, path)
                self.assertLess(path.stat().st_size, 30_000)
                stored = onnx.load(str(path), load_external_data=False).graph.initializer
                noted = [note.value for each in stored for note in each.metadata_props if note.key == KEY]
                self.assertEqual(noted, [note_of(mask)])
                run = subprocess.run(
                    ["node", str(KAREUS), "inspect", str(path), "--json"], capture_output=True, text=True
                )
                self.assertEqual(run.returncode, 0, run.stderr)
            flops = sum(
                kernel["flops"]
                for kernel in json.loads(run.stdout)["kernels"]
                if kernel["direction"] == "forward" and kernel["class"] == "attn"
            )
            self.assertAlmostEqual(flops / whole, share, delta=0.01)
            self.assertEqual("KRS1433" in run.stderr, share == 1)


if __name__ == "__main__":
    unittest.main()
