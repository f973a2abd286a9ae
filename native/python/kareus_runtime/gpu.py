"""What the job's torch says of this rank's GPU. A job that never imported torch has none here."""

from __future__ import annotations

import os
import sys
from typing import Any, Optional

from . import native
from .overlap import Streams


def _cuda() -> Any:
    """torch.cuda where the job uses it; else None."""
    torch = sys.modules.get("torch")
    return torch.cuda if torch is not None and torch.cuda.is_available() else None


def training() -> bool:
    """Whether gradients are taken now; a job without torch always trains."""
    torch = sys.modules.get("torch")
    return torch is None or bool(torch.is_grad_enabled())


def streams() -> Optional[Streams]:
    """The streams on which a partition overlaps; None without a GPU."""
    cuda = _cuda()
    return None if cuda is None else Streams(cuda)


def current_stream() -> Optional[int]:
    """The CUstream that the job issues to now; None without a GPU."""
    cuda = _cuda()
    return None if cuda is None else cuda.current_stream().cuda_stream or native.DEFAULT_STREAM


def this_device() -> str:
    """This rank's GPU as NVML knows it: CUDA numbers GPUs in an order of its own."""
    cuda = _cuda()
    uuid = cuda and getattr(cuda.get_device_properties(cuda.current_device()), "uuid", None)
    if uuid is not None:
        return f"GPU-{uuid}"
    local = os.environ.get("LOCAL_RANK", "0")
    visible = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
    return visible[int(local)] if int(local) < len(visible) else local
