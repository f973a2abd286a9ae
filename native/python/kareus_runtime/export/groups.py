"""Process groups of the collectives in a traced model: what they are called and how many ranks they have."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn
from torch.distributed.tensor import DTensor


class Groups:
    """Groups of the device meshes of a model, of this process, and those that the user tells."""

    def __init__(self, model: nn.Module, sizes: Mapping[str, int]) -> None:
        self._sizes = dict(sizes)
        self._names: dict[str, str] = {}
        meshes = [each.device_mesh for each in model.parameters() if isinstance(each, DTensor)]
        for mesh in meshes:
            for name in mesh.mesh_dim_names or ():
                self._names[mesh.get_group(name).group_name] = name

    def name_of(self, group: str) -> str:
        """The dimension of the mesh that a group belongs to, otherwise its own name."""
        return self._names.get(group, group)

    def size_of(self, group: str) -> int:
        """Raises ValueError where nobody knows."""
        told = self._sizes.get(group, self._sizes.get(self.name_of(group)))
        if told is not None:
            return told
        if torch.distributed.is_initialized():
            try:
                return int(torch.distributed.distributed_c10d._resolve_process_group(group).size())
            except (LookupError, RuntimeError, ValueError):
                pass  # A group of another process: asked for below.
        raise ValueError(f"how many ranks has the group {group!r}? Say group_sizes={{{group!r}: n}}")
