"""From a torch module to an ONNX file: traced by torch.export, translated by torch.onnx, weights left out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from os import PathLike
from typing import Any, Union

import onnx_ir
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor

from kareus_runtime.export import masks
from kareus_runtime.export.cut import OneRank, is_cut
from kareus_runtime.export.joint import twin_of, with_backward, written_out
from kareus_runtime.export.groups import Groups
from kareus_runtime.export.translations import translations

#: Tensors with more bytes than this are written as references to data that is not there.
LARGEST_KEPT_BYTES = 4096

#: The opset of the file: the highest that torch.onnx translates without a conversion afterwards.
OPSET = 20

#: The key of the note that a parameter takes no gradient.
FROZEN = "kareus.frozen"

Inputs = Union[Mapping[str, Any], Sequence[Any]]

# Inputs of these are told once, not with every microbatch.
_SETTINGS = (bool, int, float, str, type(None))


class _Step(nn.Module):
    """A model and its loss as one module with one output, as one microbatch of training runs it."""

    def __init__(
        self, model: nn.Module, loss: Callable[..., Tensor] | None, settings: Mapping[str, Any]
    ) -> None:
        super().__init__()
        self.model = model
        self.loss = loss
        self.settings = settings

    def forward(self, *inputs: Any, **named: Any) -> Tensor:
        named = {**named, **self.settings}
        if self.loss is not None:
            return self.loss(self.model, *inputs, **named)
        output = self.model(*inputs, **named)
        loss = getattr(output, "loss", None)
        if loss is None:
            loss = output
        if not isinstance(loss, Tensor) or loss.ndim != 0:
            raise ValueError(
                "the model returns no scalar loss: give it labels, or pass loss=f, "
                "where f(model, *inputs) returns one"
            )
        return loss


def export(
    model: nn.Module,
    inputs: Inputs,
    path: str | PathLike[str],
    *,
    loss: Callable[..., Tensor] | None = None,
    dynamic_shapes: Any = None,
    group_sizes: Mapping[str, int] | None = None,
    joint: bool = False,
) -> None:
    """Writes the forward pass of a model with its loss; kareus derives the backward, unless it is `joint`.

    The model may be on the meta device: no weight is read or written. It is exported in training mode
    and left in the mode that it was in. Of a model cut by torch.distributed.tensor.parallel (a fake process
    group will do) one rank's part is written, with its collectives; their groups are named by mesh dimension.

    :param inputs: example inputs by name, or in order, of one microbatch; meta tensors will do
    :param path: of the ONNX file
    :param loss: called with the model and the inputs, returns a scalar; where it is absent, the
        model's output is the loss or has an attribute `loss`, as those of transformers do
    :param dynamic_shapes: as torch.export takes them, for sizes that `kareus optimize --bind` sets;
        absent: the sizes of the example inputs
    :param group_sizes: ranks of process groups by name, for collectives of groups unknown to this process
    :param joint: whether the backward is written too, as AOTAutograd traces it
    :raises ValueError: the model returns no scalar loss, or a joint graph cannot be traced
    """
    if joint and is_cut(model):
        raise ValueError("no joint graph of a model of DTensor: without joint, kareus derives the backward")
    if joint:
        model, inputs = twin_of(model, inputs)
    was_training = model.training
    model.train()
    try:
        with written_out() if joint else nullcontext():
            program = _trace(model, inputs, loss, dynamic_shapes)
            program = with_backward(program) if joint else program
    finally:
        model.train(was_training)
    # Optimizing folds parameters that happen to be equal, which a model to be trained needs apart.
    translated = torch.onnx.export(
        program,
        (),
        dynamo=True,
        optimize=False,
        opset_version=OPSET,
        verbose=False,
        custom_translation_table=translations(Groups(model, group_sizes or {})),
    )
    if translated is None:
        raise RuntimeError("torch.onnx.export returned nothing")
    _note_frozen(translated.model, model)
    _leave_out_weights(translated.model)
    _leave_out_traces(translated.model)
    _leave_out_unread(translated.model)
    onnx_ir.save(translated.model, str(path))


def _trace(
    model: nn.Module,
    inputs: Inputs,
    loss: Callable[..., Tensor] | None,
    dynamic_shapes: Any,
) -> torch.export.ExportedProgram:
    arguments: tuple[Any, ...] = ()
    named: dict[str, Any] = {}
    settings: dict[str, Any] = {}
    if isinstance(inputs, Mapping):
        # AOTAutograd asks every input whether it takes a gradient: a flag is none.
        named = {name: each for name, each in inputs.items() if not isinstance(each, _SETTINGS)}
        settings = {name: each for name, each in inputs.items() if isinstance(each, _SETTINGS)}
        if isinstance(dynamic_shapes, Mapping):
            dynamic_shapes = {name: each for name, each in dynamic_shapes.items() if name not in settings}
    else:
        arguments = tuple(inputs)
    step: nn.Module = _Step(model, loss, settings)
    if is_cut(model):
        step = OneRank(step, arguments, named)
    return torch.export.export(step, arguments, named, dynamic_shapes=dynamic_shapes, strict=False)


def _note_frozen(exported: onnx_ir.Model, model: nn.Module) -> None:
    """Notes parameters that take no gradient: torch's notes call them parameters too."""
    frozen = {f"model.{name}" for name, each in model.named_parameters() if not each.requires_grad}
    for name, value in exported.graph.initializers.items():
        if name in frozen:
            value.metadata_props[FROZEN] = "requires_grad is False"


def _leave_out_weights(model: onnx_ir.Model) -> None:
    """Replaces what is on the meta device or large by references to external data that does not exist.

    What large buffers show as masks is noted beside.
    """
    for name, value in model.graph.initializers.items():
        tensor = value.const_value
        if tensor is None:
            continue
        raw = getattr(tensor, "raw", None)
        is_meta = isinstance(raw, Tensor) and (raw.is_meta or isinstance(raw, FakeTensor))
        if is_meta or tensor.nbytes > LARGEST_KEPT_BYTES:
            left_out = onnx_ir.ExternalTensor(
                "weights", 0, tensor.nbytes, tensor.dtype, shape=tensor.shape, name=name
            )
            is_read = isinstance(raw, Tensor) and not is_meta and not isinstance(raw, nn.Parameter)
            note = masks.note_of(raw) if is_read else None
            if note is not None:
                left_out.metadata_props[masks.KEY] = note
            value.const_value = left_out


def _leave_out_traces(model: onnx_ir.Model) -> None:
    """Drops the exporter's notes but for names of scopes: stack traces are most of a large file."""
    model.graph.metadata_props.clear()
    for node in model.graph.all_nodes():
        kept = {
            key: value
            for key, value in node.metadata_props.items()
            if key in ("namespace", "pkg.torch.onnx.name_scopes")
        }
        node.metadata_props.clear()
        node.metadata_props.update(kept)


def _leave_out_unread(model: onnx_ir.Model) -> None:
    """Leaves the names of unread gradients empty: a convolution's input may be data, which needs none."""
    for node in model.graph.all_nodes():
        for output in node.outputs if node.domain == "com.microsoft" else ():
            if not output.uses() and not output.is_graph_output():
                output.name = ""
