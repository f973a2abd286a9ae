"""Writes decoder.onnx: forward and loss of the decoder that train.py trains, without weights."""

import argparse
import sys
from pathlib import Path

import torch

from model import Decoder, Shape

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "export"))
import kareus_export  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", default=str(HERE / "decoder.onnx"))
    args = parser.parse_args()
    tokens = torch.zeros(2, 8, dtype=torch.long)
    axes = {0: "batch", 1: "sequence"}
    kareus_export.export(
        Decoder(Shape()),
        (tokens, tokens),
        args.out,
        ["input_ids", "labels"],
        {"input_ids": axes, "labels": axes},
    )


if __name__ == "__main__":
    main()
