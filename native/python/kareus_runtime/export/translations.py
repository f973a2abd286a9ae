"""Operators of PyTorch that torch.onnx does not translate, in ONNX or in the `kareus` domain."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import onnxscript
import torch
from onnxscript import opset20 as op

_kareus = onnxscript.values.Opset("kareus", 1)

Translation = Callable[..., Any]


def translations(group_sizes: Mapping[str, int]) -> dict[Callable[..., Any], Translation]:
    """Translations by operator, as torch.onnx.export takes them.

    :param group_sizes: ranks of the process groups whose collectives do not say it, by name
    """
    table: dict[Callable[..., Any], Translation] = {
        torch.ops.aten.histc.default: _histc,
        torch.ops.aten.empty_permuted.default: _empty_permuted,
        torch.ops.aten._grouped_mm.default: _grouped_mm,
    }
    fallback = getattr(getattr(torch.ops, "transformers", None), "grouped_mm_fallback", None)
    if fallback is not None:
        table[fallback.default] = _grouped_mm
    if hasattr(torch.ops, "_c10d_functional"):
        table.update(_collectives(group_sizes))
    return table


def _grouped_mm(x: Any, weights: Any, offs: Any = None, bias: Any = None, out_dtype: Any = None) -> Any:
    """Rows sorted by expert times that expert's weights, as one batched product.

    Which rows are whose is known only when the job runs: every expert is taken to get the same number,
    the last one's rows filled up where they do not divide.
    """
    experts, width = weights.shape[0], weights.shape[2]
    rows = x.shape[0]
    if isinstance(rows, int) and rows % experts != 0:
        missing = -rows % experts
        x = op.Pad(x, op.Constant(value_ints=[0, 0, missing, 0]))
    batched = op.Reshape(x, op.Constant(value_ints=[experts, -1, weights.shape[1]]))
    product = op.Reshape(op.MatMul(batched, weights), op.Constant(value_ints=[-1, width]))
    if isinstance(rows, int) and rows % experts != 0:
        product = op.Slice(
            product, op.Constant(value_ints=[0]), op.Constant(value_ints=[rows]), op.Constant(value_ints=[0])
        )
    return product


def _empty_permuted(
    size: Any, physical_layout: Any, dtype: int = 1, layout: str = "", device: str = "", pin_memory: bool = False
) -> Any:
    """Room that is written later: zeros of its shape."""
    zero = op.Cast(op.Constant(value_float=0.0), to=dtype)
    return op.Expand(zero, op.Constant(value_ints=list(size)))


def _histc(x: Any, bins: int = 100, min: float = 0, max: float = 0) -> Any:
    """How often each whole number from `min` to `max` is there."""
    if max - min + 1 != bins:
        raise NotImplementedError("histc is translated for whole numbers, one for each bin, alone")
    places = op.Sub(op.Cast(x, to=7), op.Constant(value_int=int(min)))
    ones = op.OneHot(places, op.Constant(value_ints=[bins]), op.Constant(value_ints=[0, 1]))
    return op.CastLike(op.ReduceSum(ones, op.Constant(value_ints=[0]), keepdims=0), x)


def _collectives(group_sizes: Mapping[str, int]) -> dict[Callable[..., Any], Translation]:
    """torch's functional collectives as those of the `kareus` domain, which have a group and its size."""

    def call(name: str, x: Any, group: str, size: int, **attributes: int) -> Any:
        collective = onnxscript.values.Op(_kareus, name)
        return collective(x, group=group, group_size=size, **attributes)

    def size_of(group: str) -> int:
        if group in group_sizes:
            return group_sizes[group]
        raise ValueError(f"how many ranks has the group {group!r}? Say group_sizes={{{group!r}: n}}")

    functional = torch.ops._c10d_functional
    return {
        functional.all_reduce.default: lambda x, reduce_op, group: call(
            "AllReduce", x, group, size_of(group)
        ),
        functional.all_gather_into_tensor.default: lambda x, size, group: call(
            "AllGather", x, group, size, axis=0
        ),
        functional.reduce_scatter_tensor.default: lambda x, reduce_op, size, group: call(
            "ReduceScatter", x, group, size, axis=0
        ),
        functional.all_to_all_single.default: lambda x, outputs, inputs, group: call(
            "AllToAll", x, group, size_of(group)
        ),
        functional.wait_tensor.default: lambda x: op.Identity(x),
    }
