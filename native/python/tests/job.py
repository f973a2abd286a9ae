"""One rank's job for the tests, in a process of its own: steps of a plan, and what came of them.

Prints one JSON object: modes, warnings, refusal, the boundaries with monotonic times, the changes.
"""

import argparse
import json
import logging
import os
import sys
import time

import support  # noqa: F401  (puts the package on the path)
from kareus_runtime import Options, PlanRefused, Runtime


class _Warnings(logging.Handler):
    def __init__(self):
        super().__init__()
        self.codes = []

    def emit(self, record):
        self.codes.append(record.getMessage().split()[1])


def run_step(runtime, order, found):
    with runtime.step():
        for kind, microbatch in order:
            with runtime.instruction(kind, microbatch):
                entered = time.monotonic_ns()
                time.sleep(0.0002)
                found.append((kind, microbatch, entered, time.monotonic_ns()))


def follow(runtime, order, wanted):
    """Trains on until so many steps were under a plan."""
    end_s, followed = time.monotonic() + 120, 0
    while followed < wanted and time.monotonic() < end_s:
        with runtime.step():
            for place, (kind, microbatch) in enumerate(order):
                with runtime.instruction(kind, microbatch):
                    time.sleep(0.0002)
                    followed += place == 0 and runtime.current is not None


def child_of(runtime, order):
    """Exit code of a forked child that trains on with its parent's runtime."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            run_step(runtime, order, [])
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("plan")
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--followed", type=int, help="steps until this many were under a plan")
    parser.add_argument("--stages", type=int)
    parser.add_argument("--stage", type=int, default=0)
    parser.add_argument("--declare", help="instructions told to the runtime, as JSON")
    parser.add_argument("--run", help="instructions that are run, as JSON")
    parser.add_argument("--first", help="instructions that the first step runs, as JSON")
    parser.add_argument("--hold", action="store_true", help="say 'open', then wait for a line")
    parser.add_argument("--fork", action="store_true", help="a child runs a step more")
    args = parser.parse_args()
    warnings = _Warnings()
    logging.getLogger("kareus").addHandler(warnings)
    report = {"refused": None, "boundaries": [], "changes": [], "statistics": None}
    try:
        runtime = Runtime(
            args.plan,
            0,
            args.stage,
            stages=args.stages,
            instructions=json.loads(args.declare) if args.declare else None,
            options=Options(device=0, synchronous=True),
        )
        if args.hold:
            print("open", flush=True)
            sys.stdin.readline()
        order = [(i.kind, i.microbatch) for i in runtime.instructions]
        order = [tuple(entry) for entry in json.loads(args.run)] if args.run else order
        first = [tuple(entry) for entry in json.loads(args.first)] if args.first else order
        for step in range(args.steps):
            run_step(runtime, first if step == 0 else order, report["boundaries"])
        if args.followed is not None:
            follow(runtime, order, args.followed)
        if args.fork:
            report["child"] = child_of(runtime, order)
        if runtime.device is not None:
            runtime.device.flush(5)
            report["changes"] = runtime.device.changes()
            report["resets"] = runtime.device.statistics().resets
        report["mode"] = runtime.mode
        report["summary"] = runtime.summary()
        runtime.close()
    except PlanRefused as refused:
        report["refused"] = refused.diagnostic.code
    report["warnings"] = warnings.codes
    print(json.dumps(report))


if __name__ == "__main__":
    main()
