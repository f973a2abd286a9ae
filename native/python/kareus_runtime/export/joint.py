"""Forward and backward as one graph, as AOTAutograd traces them.

AOTAutograd follows no gradient through tensors on the meta device, so the model is traced as a twin of fake
tensors on the CPU: they have shapes and no data either.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.export.experimental import _export_forward_backward
from torch.export.graph_signature import InputKind, OutputKind, OutputSpec
from torch.fx.experimental.symbolic_shapes import ShapeEnv
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils import _pytree


def twin_of(model: nn.Module, inputs: Any) -> tuple[nn.Module, Any]:
    """Returns a model and its inputs as fake tensors on the CPU; no weight is read or copied."""
    with FakeTensorMode(allow_non_fake_inputs=True, shape_env=ShapeEnv()):
        fakes: dict[int, Any] = {
            id(each): nn.Parameter(torch.empty_like(each, device="cpu"), each.requires_grad)
            for each in model.parameters()
        }
        fakes.update((id(each), torch.empty_like(each, device="cpu")) for each in model.buffers())
        twin = copy.deepcopy(model, fakes)

        def fake(value: Any) -> Any:
            return torch.empty_like(value, device="cpu") if isinstance(value, Tensor) else value

        return twin, _pytree.tree_map(fake, inputs)


def written_out() -> Any:
    """A context in which attention is traced in primitives: its fused backward has no ONNX."""
    return sdpa_kernel(SDPBackend.MATH)


def with_backward(program: torch.export.ExportedProgram) -> torch.export.ExportedProgram:
    """Returns the program with the gradients of its parameters as further outputs.

    Raises ValueError where AOTAutograd does not trace it, for a parameter without a gradient above all.
    """
    _leave_out_unused(program)
    try:
        joint = _export_forward_backward(program)
    except (AssertionError, RuntimeError) as reason:
        said = str(reason).splitlines()[0]
        raise ValueError(f"no joint graph: {said} Without joint, kareus derives the backward.") from None
    outputs = joint.graph_signature.output_specs
    outputs[:] = [OutputSpec(OutputKind.USER_OUTPUT, each.arg, None) for each in outputs]
    signature = joint.module_call_graph[0].signature
    if signature is not None:
        signature.out_spec = _pytree.tree_structure(tuple(range(len(outputs))))
    return joint


def _leave_out_unused(program: torch.export.ExportedProgram) -> None:
    """Drops parameters that nothing reads: of tied ones, torch.export has one read and keeps the rest."""
    places = {node.name: node for node in program.graph.find_nodes(op="placeholder")}
    specs = program.graph_signature.input_specs
    unused = [each for each in specs if each.kind is InputKind.PARAMETER and not places[each.arg.name].users]
    for each in unused:
        program.graph.erase_node(places[each.arg.name])
        specs.remove(each)
    program.graph_module.recompile()
