"""What this machine's CPU needs to launch a kernel of PyTorch's eager training, in microseconds."""

from __future__ import annotations

import time
from typing import Any, Optional

STEPS = 20
WARM_UP = 5


def launch_us() -> Optional[float]:
    """Runs small steps of one transformer layer, too small for the GPU to be what is waited for.

    Returns the time of a step on the CPU over the kernels that it launches; None without a torch that
    has a GPU.
    """
    try:
        import torch
    except ImportError:
        return None
    if not torch.cuda.is_available():
        return None
    layer = torch.nn.TransformerEncoderLayer(64, 4, 256, batch_first=True, device="cuda")
    data = torch.randn(1, 16, 64, device="cuda")

    def step() -> None:
        layer(data).sum().backward()

    for _ in range(WARM_UP):
        step()
    launches = _launches_of(torch, step)
    torch.cuda.synchronize()
    begin = time.perf_counter()
    for _ in range(STEPS):
        step()
    per_step_s = (time.perf_counter() - begin) / STEPS
    torch.cuda.synchronize()
    return per_step_s * 1e6 / launches if launches > 0 else None


def _launches_of(torch: Any, step: Any) -> int:
    """The kernels that a step launches, as torch's profiler counts calls of the driver."""
    activities = [torch.profiler.ProfilerActivity.CPU, torch.profiler.ProfilerActivity.CUDA]
    with torch.profiler.profile(activities=activities) as profile:
        step()
        torch.cuda.synchronize()
    names = ("cudaLaunchKernel", "cuLaunchKernel")
    return sum(each.count for each in profile.key_averages() if each.key.startswith(names))
