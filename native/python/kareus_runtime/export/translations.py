"""Operators of PyTorch that torch.onnx does not translate, in ONNX or in the `kareus` domain."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import onnx
import onnxscript
import torch
from onnxscript import opset20 as op

from kareus_runtime.export.groups import Groups


Translation = Callable[..., Any]

_TENSORS = ["tensor(bfloat16)", "tensor(float16)", "tensor(float)", "tensor(double)", "tensor(int64)", "tensor(int32)"]


def translations(groups: Groups) -> dict[Callable[..., Any], Translation]:
    """Translations by operator, as torch.onnx.export takes them.

    :param groups: what collectives run over
    """
    table: dict[Callable[..., Any], Translation] = {
        torch.ops.aten.histc.default: _histc,
        torch.ops.aten.empty_permuted.default: _empty_permuted,
        torch.ops.aten._grouped_mm.default: _grouped_mm,
        torch.ops.aten.convolution_backward.default: _convolution_backward,
    }
    fallback = getattr(getattr(torch.ops, "transformers", None), "grouped_mm_fallback", None)
    if fallback is not None:
        table[fallback.default] = _grouped_mm
    if hasattr(torch.ops, "_c10d_functional"):
        table.update(_collectives(groups))
    return table


def _grouped_mm(x: Any, y: Any, offs: Any = None, bias: Any = None, out_dtype: Any = None) -> Any:
    """Rows sorted by expert times that expert's matrix, or (2D, 2D) each expert's columns times its rows.

    Which rows are whose is known only when the job runs: every expert is taken to get the same number,
    the last one's filled up where they do not divide. Either way it is one batched product.
    """
    if len(y.shape) == 2:
        experts = offs.shape[0]
        left = op.Reshape(_filled(x, 1, experts), _numbers(x.shape[0], experts, -1))
        right = op.Reshape(_filled(y, 0, experts), _numbers(experts, -1, y.shape[1]))
        return op.MatMul(op.Transpose(left, perm=[1, 0, 2]), right)
    experts, width = y.shape[0], y.shape[2]
    rows = x.shape[0]
    batched = op.Reshape(_filled(x, 0, experts), _numbers(experts, -1, y.shape[1]))
    product = op.Reshape(op.MatMul(batched, y), _numbers(-1, width))
    if isinstance(rows, int) and rows % experts != 0:
        product = op.Slice(product, _numbers(0), _numbers(rows), _numbers(0))
    return product


def _filled(x: Any, axis: int, experts: int) -> Any:
    """A matrix whose rows (axis 0) or columns divide among the experts."""
    size = x.shape[axis]
    missing = -size % experts if isinstance(size, int) else 0
    if missing == 0:
        return x
    return op.Pad(x, _numbers(*(missing if place == 2 + axis else 0 for place in range(4))))


def _numbers(*values: int) -> Any:
    return op.Constant(value_ints=list(values))


def _convolution_backward(
    dy: Any,
    x: Any,
    weights: Any,
    bias_sizes: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    transposed: bool,
    output_padding: Any,
    groups: int,
    output_mask: Any,
) -> Any:
    """Gradients of a convolution, as ONNX Runtime's training writes them."""
    attributes = {"strides": stride, "pads": [*padding, *padding], "dilations": dilation, "group": groups}
    name = "ConvTransposeGrad" if transposed else "ConvGrad"
    return _operator("com.microsoft", name, 3, attributes)(dy, x, weights, **attributes)


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


def _collectives(groups: Groups) -> dict[Callable[..., Any], Translation]:
    """torch's functional collectives as those of the `kareus` domain, which have a group and its size."""

    def call(name: str, x: Any, group: str, size: int, **others: int) -> Any:
        attributes = {"group": groups.name_of(group), "group_size": size, **others}
        return _operator("kareus", name, 1, attributes)(x, **attributes)

    functional = torch.ops._c10d_functional
    return {
        functional.all_reduce.default: lambda x, reduce_op, group: call(
            "AllReduce", x, group, groups.size_of(group)
        ),
        functional.all_gather_into_tensor.default: lambda x, size, group: call(
            "AllGather", x, group, size, axis=0
        ),
        functional.reduce_scatter_tensor.default: lambda x, reduce_op, size, group: call(
            "ReduceScatter", x, group, size, axis=0
        ),
        functional.all_to_all_single.default: lambda x, outputs, inputs, group: call(
            "AllToAll", x, group, groups.size_of(group)
        ),
        functional.wait_tensor.default: lambda x: op.Identity(x),
    }


def _operator(domain: str, name: str, tensors: int, attributes: Mapping[str, Any]) -> Any:
    """An operator outside ONNX with as many tensors going in as out; torch.onnx wants to know its schema."""
    schema = onnx.defs.OpSchema
    kinds = {int: schema.AttrType.INT, str: schema.AttrType.STRING, list: schema.AttrType.INTS}
    return onnxscript.values.Op(
        onnxscript.values.Opset(domain, 1),
        name,
        schema(
            name,
            domain,
            1,
            inputs=[schema.FormalParameter(f"input{k}", "T") for k in range(tensors)],
            outputs=[schema.FormalParameter(f"output{k}", "T") for k in range(tensors)],
            type_constraints=[("T", _TENSORS, "")],
            attributes=[schema.Attribute(key, kinds[type(value)]) for key, value in attributes.items()],
        ),
    )
