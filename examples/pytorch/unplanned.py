"""What stage.py needs of a runtime, without one: nothing is planned, nothing is changed.

It runs instructions as nanobatched or not as a plan's file says, so that a run without the runtime
does the same arithmetic and its losses can be compared bit by bit.
"""

import json
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace


class Unplanned:
    def __init__(self, plan, stage):
        self._nanobatched = {}
        self.current = None
        if plan is not None:
            with open(plan, encoding="utf-8") as file:
                instructions = json.load(file)["stages"][stage]["instructions"]
            for entry in instructions:
                key = entry["kind"], entry["microbatch"]
                self._nanobatched[key] = entry["execution"] == "nanobatched"

    def step(self):
        return nullcontext()

    @contextmanager
    def instruction(self, kind, microbatch=None):
        self.current = SimpleNamespace(nanobatched=self._nanobatched.get((kind, microbatch), False))
        yield
        self.current = None

    def find(self, node, layer=None, nanobatch=None):
        return None

    def overlap(self, compute_ops, communication, partition=None, needs=None):
        """Communication by itself: before the compute of another nanobatch, after that of its own."""
        if communication is not None and needs is None:
            communication(None).wait()
        for _, run in compute_ops:
            run()
        if communication is not None and needs is not None:
            communication(None).wait()

    def energy_j(self):
        return None

    def close(self):
        pass
