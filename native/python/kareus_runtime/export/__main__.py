"""`python -m kareus_runtime.export`: a model of the transformers package, or of your own function, as ONNX."""

from __future__ import annotations

import argparse
import importlib.util
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from kareus_runtime.diagnostics import ExportRefused, not_exported, reason_of, unusable_model
from kareus_runtime.export.exporting import Inputs, export
from kareus_runtime.export.transformers_models import model_and_inputs


def main() -> None:
    flags = _parser().parse_args()
    try:
        _export(flags)
    except ExportRefused as refused:
        print(f"error {refused.diagnostic}", file=sys.stderr)
        sys.exit(2)
    print(f"written: {flags.out}")
    print(f"next: kareus init {flags.out}, or kareus optimize {flags.out} --dtype bf16")


def _export(flags: argparse.Namespace) -> None:
    sizes = _group_sizes(flags.group_size)
    if not flags.out.absolute().parent.is_dir():
        raise ExportRefused(not_exported(str(flags.out), "no such folder"))
    inputs: Inputs
    if flags.config is not None:
        model, inputs = model_and_inputs(
            flags.config, flags.batch, flags.sequence, getattr(torch, flags.dtype)
        )
    else:
        model, inputs = _call(flags.function)
    try:
        export(model, inputs, flags.out, group_sizes=sizes, joint=flags.joint)
    except OSError as cause:
        raise ExportRefused(not_exported(str(flags.out), reason_of(cause))) from cause
    except ValueError as cause:
        raise ExportRefused(not_exported(str(flags.config or flags.function), cause)) from cause


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m kareus_runtime.export",
        description="Write the training graph of a model for kareus. Weights are neither read nor written.",
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--config", type=Path, help="a transformers model: its folder or its config.json"
    )
    source.add_argument(
        "--function",
        metavar="FILE.py:NAME",
        help="a function that returns a model, on the meta device, and its inputs by name",
    )
    parser.add_argument("--batch", type=int, default=1, help="of one microbatch (default: 1)")
    parser.add_argument("--sequence", type=int, default=4096, help="tokens (default: 4096)")
    parser.add_argument(
        "--dtype",
        choices=["bfloat16", "float16", "float32"],
        default="bfloat16",
        help="of the parameters (default: bfloat16)",
    )
    parser.add_argument(
        "--group-size",
        action="append",
        default=[],
        metavar="NAME=N",
        help="ranks of a process group whose collectives do not say it, repeatable",
    )
    parser.add_argument(
        "--joint", action="store_true", help="write the backward too, as AOTAutograd traces it"
    )
    parser.add_argument("--out", type=Path, required=True, help="the ONNX file")
    return parser


def _call(function: str) -> tuple[torch.nn.Module, Mapping[str, Any]]:
    path, _, name = function.rpartition(":")
    spec = importlib.util.spec_from_file_location("kareus_exported", path)
    if spec is None or spec.loader is None or not Path(path).is_file():
        raise ExportRefused(unusable_model(function, "not a Python file and a function in it"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if not callable(getattr(module, name, None)):
        raise ExportRefused(unusable_model(function, f"the file has no function {name!r}"))
    with torch.device("meta"):
        model, inputs = getattr(module, name)()
    return model, inputs


def _group_sizes(pairs: list[str]) -> dict[str, int]:
    sizes = {}
    for pair in pairs:
        name, _, size = pair.partition("=")
        if not size.isdigit():
            raise ExportRefused(not_exported(f"--group-size {pair}", "not a name and a number (NAME=N)"))
        sizes[name] = int(size)
    return sizes


if __name__ == "__main__":
    main()
