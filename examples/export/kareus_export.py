"""Exports a PyTorch module to ONNX for kareus: no weights, and collectives as symbolic operators.

Wrap the module that one rank runs (its own shard of the parameters) and call the functions below
where your framework communicates. On the traced rank they only change shapes; in the file they
become operators of the `kareus` domain with their group and its size. Export the forward pass with
its loss: kareus derives the backward, collectives included.
"""

import warnings

import torch
from torch import nn


def _node(g, op, x, group, size, axis=None):
    attributes = {"group_s": group, "group_size_i": size}
    if axis is not None:
        attributes["axis_i"] = axis
    return g.op(f"kareus::{op}", x, **attributes)


class _AllReduce(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, group, size):
        return x.clone()

    @staticmethod
    def symbolic(g, x, group, size):
        return _node(g, "AllReduce", x, group, size)


class _AllGather(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, group, size, axis):
        return torch.cat([x] * size, dim=axis)

    @staticmethod
    def symbolic(g, x, group, size, axis):
        return _node(g, "AllGather", x, group, size, axis)


class _ReduceScatter(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, group, size, axis):
        return x.narrow(axis, 0, x.shape[axis] // size).clone()

    @staticmethod
    def symbolic(g, x, group, size, axis):
        return _node(g, "ReduceScatter", x, group, size, axis)


class _AllToAll(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, group, size):
        return x.clone()

    @staticmethod
    def symbolic(g, x, group, size):
        return _node(g, "AllToAll", x, group, size)


def all_reduce(x, group, size):
    """The sum over `size` ranks of `group` (tp, cp, ep or dp), on every rank."""
    return _AllReduce.apply(x, group, size)


def all_gather(x, group, size, axis):
    """Every rank's part, joined along `axis`."""
    return _AllGather.apply(x, group, size, axis)


def reduce_scatter(x, group, size, axis):
    """This rank's part, along `axis`, of the sum."""
    return _ReduceScatter.apply(x, group, size, axis)


def all_to_all(x, group, size):
    """Part i of the leading axis to rank i; the shape stays."""
    return _AllToAll.apply(x, group, size)


class _ParametersAsInputs(nn.Module):
    """A module whose parameters are passed in: the exporter then neither copies nor stores them."""

    def __init__(self, module):
        super().__init__()
        self.inner = module
        self.parameters_by_name = dict(module.named_parameters())
        for name in self.parameters_by_name:
            delattr(*self.place(name))

    def place(self, name):
        owner, _, attribute = name.rpartition(".")
        return self.inner.get_submodule(owner), attribute

    def forward(self, *tensors):
        count = len(tensors) - len(self.parameters_by_name)
        for name, tensor in zip(self.parameters_by_name, tensors[count:]):
            setattr(*self.place(name), tensor)
        return self.inner(*tensors[:count])

    def restore(self):
        """Gives the module its own parameters back."""
        for name, parameter in self.parameters_by_name.items():
            setattr(*self.place(name), parameter)


def export(module, inputs, path, input_names, dynamic_axes=None, output_names=("loss",)):
    """Writes `module(*inputs)` in training mode to `path`, without weights.

    `inputs` are example tensors, on the meta device like the parameters if these should take no
    memory; `dynamic_axes` names the sizes to be given later with --bind, as torch.onnx.export does.
    """
    wrapped = _ParametersAsInputs(module).train()
    parameters = wrapped.parameters_by_name
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                wrapped,
                (*inputs, *(parameter.detach() for parameter in parameters.values())),
                path,
                training=torch.onnx.TrainingMode.TRAINING,
                export_params=False,
                do_constant_folding=False,
                opset_version=15,
                input_names=[*input_names, *parameters],
                output_names=list(output_names),
                dynamic_axes=dynamic_axes,
                custom_opsets={"kareus": 1},
            )
    finally:
        wrapped.restore()
