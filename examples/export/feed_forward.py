"""An example of kareus_export: residual feed-forward layers, cut by tensor parallelism.

With --sequence-parallel the residual stream is cut along the sequence as well.
"""

import argparse

import torch
import torch.nn.functional as F
from torch import nn

import kareus_export as kareus


class FeedForward(nn.Module):
    """One rank's columns of the first linear layer and rows of the second."""

    def __init__(self, hidden, ffn, tp, sequence_parallel):
        super().__init__()
        self.tp, self.sequence_parallel = tp, sequence_parallel
        self.norm = nn.LayerNorm(hidden, device="meta")
        self.up = nn.Linear(hidden, ffn // tp, bias=False, device="meta")
        self.down = nn.Linear(ffn // tp, hidden, bias=False, device="meta")

    def forward(self, x):
        y = self.norm(x)
        if self.sequence_parallel:
            y = kareus.all_gather(y, "tp", self.tp, axis=1)
        y = self.down(F.gelu(self.up(y)))
        if self.sequence_parallel:
            return x + kareus.reduce_scatter(y, "tp", self.tp, axis=1)
        return x + kareus.all_reduce(y, "tp", self.tp)


class Model(nn.Module):
    def __init__(self, layers, hidden, ffn, tp, sequence_parallel):
        super().__init__()
        self.layers = nn.ModuleList(
            FeedForward(hidden, ffn, tp, sequence_parallel) for _ in range(layers)
        )

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x.pow(2).mean()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--hidden", type=int, default=1024)
    parser.add_argument("--ffn", type=int, default=4096)
    parser.add_argument("--tp", type=int, default=8)
    parser.add_argument("--sequence-parallel", action="store_true")
    parser.add_argument("--out", default="feed-forward.onnx")
    args = parser.parse_args()
    model = Model(args.layers, args.hidden, args.ffn, args.tp, args.sequence_parallel)
    x = torch.zeros(2, 64, args.hidden, device="meta")
    kareus.export(model, (x,), args.out, ["x"], {"x": {0: "batch", 1: "sequence"}})


if __name__ == "__main__":
    main()
