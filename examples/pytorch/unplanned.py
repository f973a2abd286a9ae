"""What stage.py needs of a runtime, without one: nothing is planned, nothing is changed.

It runs instructions as nanobatched or not as a plan's file says, so that a run without the runtime
does the same arithmetic and its losses can be compared bit by bit.
"""

import json
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace


class Unplanned:
    def __init__(self, nanobatched=()):
        """`nanobatched`: which instructions are, as (kind, microbatch)."""
        self._nanobatched = set(nanobatched)
        self.current = None

    @staticmethod
    def like(plan, stage):
        """Nanobatched where a stage of a plan is."""
        with open(plan, encoding="utf-8") as file:
            data = json.load(file)
        # Instructions that run in the same way share a variant, by index.
        ways = [variant["execution"] for variant in data["variants"]]
        instructions = data["stages"][stage]["instructions"]
        chosen = [each for each in instructions if ways[each["variant"]] == "nanobatched"]
        return Unplanned((each["kind"], each["microbatch"]) for each in chosen)

    def step(self):
        return nullcontext()

    @contextmanager
    def instruction(self, kind, microbatch=None):
        self.current = SimpleNamespace(nanobatched=(kind, microbatch) in self._nanobatched)
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
