"""A model cut by torch.distributed.tensor.parallel over a fake process group, on the meta device."""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import Replicate, Shard
from torch.distributed.tensor.parallel import (
    ColwiseParallel,
    RowwiseParallel,
    SequenceParallel,
    parallelize_module,
)
from torch.testing._internal.distributed.fake_pg import FakeStore

RANKS, LAYERS, WIDTH, TOKENS = 4, 2, 256, 64


class Layer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(WIDTH)
        self.up = nn.Linear(WIDTH, 4 * WIDTH, bias=False)
        self.down = nn.Linear(4 * WIDTH, WIDTH, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.down(nn.functional.gelu(self.up(self.norm(x))))


class Model(nn.Sequential):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x).float().pow(2).mean()


def make(by_sequence: bool = False) -> tuple[nn.Module, dict[str, torch.Tensor]]:
    """The model with its inputs; `by_sequence` cuts what lies between the linear layers as well."""
    if not dist.is_initialized():
        dist.init_process_group("fake", rank=0, world_size=RANKS, store=FakeStore())
    mesh = init_device_mesh("cpu", (RANKS,), mesh_dim_names=("tp",))
    with torch.device("meta"):
        model = Model(*(Layer() for _ in range(LAYERS)))
        inputs = {"x": torch.zeros(2, TOKENS // RANKS if by_sequence else TOKENS, WIDTH)}
    between = Shard(1) if by_sequence else Replicate()
    styles = {
        "up": ColwiseParallel(input_layouts=between),
        "down": RowwiseParallel(output_layouts=between),
    }
    if by_sequence:
        styles["norm"] = SequenceParallel()
    for layer in model:
        parallelize_module(layer, mesh, styles)
    return model, inputs


def leave() -> None:
    """Ends the fake process group, which other tests would take for a real one."""
    dist.destroy_process_group()
