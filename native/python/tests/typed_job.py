"""A job as users write it: `types.sh` checks that the package's types fit it. It is never run."""

from __future__ import annotations

from typing import Callable, Optional

from kareus_runtime import Options, PlanRefused, Runtime


def train(rank: int, work: Callable[[], None]) -> Optional[float]:
    options = Options(mode="observe", device="GPU-1", profile="measured")
    declared = [("forward", 0), ("backward", 0)]
    try:
        runtime = Runtime(None, rank, 0, stages=1, instructions=declared, options=options)
    except PlanRefused as refused:
        print(refused.diagnostic.code, refused.diagnostic.hint)
        return None
    with runtime, runtime.step(), runtime.instruction("forward", 0):
        part = runtime.find("mlp/up_proj", layer=3)
        if part is not None and part.launch_slot is not None:
            print(part.slots[part.launch_slot].name, part.sms)
        runtime.overlap([("linear_0", work)], lambda group: None, part)
    return runtime.energy_j()
