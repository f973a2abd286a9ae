"""Time of one boundary through Python: `with rt.instruction(kind, microbatch): pass`, medians.

Without a GPU (backend dry), so it is the cost to the training loop alone: what the CPU does before
the driver is called, which another thread does. Both calls of the shim are counted, at the beginning
and at the end; "changes" are boundaries at which the clock is another one than before.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from kareus_runtime import Options, Runtime  # noqa: E402
from support import plan_data  # noqa: E402

PER_STEP = 64


def boundaries_ns(runtime, steps):
    """What each boundary of these steps took, the clock's own reading included."""
    clock = time.perf_counter_ns
    names = [(i.kind, i.microbatch) for i in runtime.instructions]
    found = []
    for _ in range(steps):
        with runtime.step():
            for kind, microbatch in names:
                start = clock()
                with runtime.instruction(kind, microbatch):
                    pass
                found.append(clock() - start)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=2000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name, clocks in (("unchanged", (1410, 1410)), ("changes", (1410, 900))):
            path = Path(folder) / f"{name}.json"
            path.write_text(json.dumps(plan_data(microbatches=PER_STEP // 2, clocks=clocks)))
            with Runtime(path, 0, 0, options=Options(backend="dry", device=0)) as runtime:
                if runtime.device is None:
                    sys.exit("libkareus is not built: `npm run build:native`")
                boundaries_ns(runtime, args.steps // 10)
                median = statistics.median(boundaries_ns(runtime, args.steps))
            print(f"boundary through Python, clock {name}: {median / 1e3:.2f} us at the median")


if __name__ == "__main__":
    main()
