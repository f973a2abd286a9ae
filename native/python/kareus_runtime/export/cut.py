"""A model cut by torch.distributed.tensor (DTensor), as the one rank runs that exports it.

torch.export does not look into DTensor. So the forward pass is run once on meta tensors, where DTensor's
own rules say what each rank computes and sends, and what was run is exported in place of the model.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch._export.utils import _compiling_state_context
from torch.distributed.tensor import DTensor
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils import _pytree

from kareus_runtime.export.joint import written_out


def is_cut(model: nn.Module) -> bool:
    """Whether some of a model's parameters are spread over ranks."""
    return any(isinstance(each, DTensor) for each in model.parameters())


class OneRank(nn.Module):
    """What this rank runs of a cut model: its own part of each parameter, and collectives written out."""

    def __init__(self, model: nn.Module, arguments: Any, named: Any) -> None:
        super().__init__()
        self.names = [name for name, _ in model.named_parameters()]
        parts = {name: _part_of(each) for name, each in model.named_parameters()}
        for name, part in parts.items():
            self.register_parameter(_flat(name), part)
        inputs, self.spec = _pytree.tree_flatten((arguments, named))

        def run(parts: dict[str, Tensor], inputs: list[Any]) -> Tensor:
            whole = {name: _like(each, parts[name]) for name, each in model.named_parameters()}
            arguments, named = _pytree.tree_unflatten(inputs, self.spec)
            loss = torch.func.functional_call(model, whole, arguments, named)
            return loss.full_tensor() if isinstance(loss, DTensor) else loss

        with torch.no_grad(), written_out(), _compiling_state_context():
            self.traced = make_fx(run)(_on_meta(parts), _on_meta(inputs))

    def forward(self, *arguments: Any, **named: Any) -> Tensor:
        inputs, _ = _pytree.tree_flatten((arguments, named))
        return self.traced({name: getattr(self, _flat(name)) for name in self.names}, inputs)


def _flat(name: str) -> str:
    return name.replace(".", "_")


def _part_of(parameter: nn.Parameter) -> nn.Parameter:
    """This rank's part, on the meta device."""
    part = parameter.to_local() if isinstance(parameter, DTensor) else parameter
    return nn.Parameter(part.detach().to("meta"), parameter.requires_grad)


def _like(parameter: nn.Parameter, part: Tensor) -> Tensor:
    if not isinstance(parameter, DTensor):
        return part
    return DTensor.from_local(
        part,
        parameter.device_mesh,
        parameter.placements,
        run_check=False,
        shape=parameter.shape,
        stride=parameter.stride(),
    )


def _on_meta(values: Any) -> Any:
    return _pytree.tree_map(lambda each: each.to("meta") if isinstance(each, Tensor) else each, values)
