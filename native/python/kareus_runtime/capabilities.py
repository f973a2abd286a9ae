"""What this machine's GPUs and this user can do, as one JSON object: `kareus doctor` asks.

`python3 -m kareus_runtime.capabilities`. GPUs are only looked at: no clock can change.
"""

from __future__ import annotations

import importlib.metadata
import json
import platform
import sys
from typing import Any, Dict, List, Optional

from . import launches, native
from .groups import options_for

NO_DEVICE = 5011


def capabilities() -> Dict[str, Any]:
    """Returns the versions of Python and torch, the library or why not, each GPU or why none."""
    try:
        torch: Optional[str] = importlib.metadata.version("torch")
    except importlib.metadata.PackageNotFoundError:
        torch = None
    path = native.library_path()
    gpus: List[Dict[str, Any]] = []
    python = platform.python_version()
    found: Dict[str, Any] = {
        "python": python,
        "torch": torch,
        "library": path,
        "gpus": gpus,
        "launch_us": launches.launch_us(),
        "communicators": _communicators(),
    }
    try:
        library = native.Library(path)
    except OSError as reason:
        return {**found, "problem": str(reason)}
    while True:
        index = len(gpus)
        try:
            device = library.open("nvml", native.OBSERVE, str(index), 0, False)
        except native.ShimError as error:
            # The first index that is not there ends the list; anything else is worth saying.
            problem = None if index > 0 and error.code == NO_DEVICE else str(error)
            return {**found, "problem": problem}
        gpus.append(_words(device))
        device.close()


def _communicators() -> Optional[str]:
    """Whether torch can give a communicator a number of SMs of its own: `own` or `one` for all.

    None without a torch that has NCCL.
    """
    try:
        import torch.distributed as dist
    except ImportError:
        return None
    if not (dist.is_available() and dist.is_nccl_available()):
        return None
    return "one" if options_for(dist, 1) is None else "own"


def _words(device: native.Device) -> Dict[str, Any]:
    gpu = device.capabilities
    clocks = device.clocks()
    return {
        "name": gpu.name.decode(errors="replace"),
        "uuid": gpu.uuid.decode(errors="replace"),
        "driver": gpu.driver.decode(errors="replace"),
        "mig": bool(gpu.mig),
        "may_lock_clocks": bool(gpu.may_control),
        "energy_counter": bool(gpu.energy_counter),
        "lowest_mhz": clocks[0] if clocks else None,
        "highest_mhz": clocks[-1] if clocks else None,
    }


if __name__ == "__main__":
    json.dump(capabilities(), sys.stdout)
