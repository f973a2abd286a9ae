"""Launch points and orders, by what ran when; process groups by SMs, with a stand-in for NCCL."""

import logging
import os
import types
import unittest
from contextlib import contextmanager
from dataclasses import replace

import support  # noqa: F401
from kareus_runtime.groups import communication_groups, levels_of, nearest, options_for
from kareus_runtime.overlap import Streams, overlap
from kareus_runtime.plan import PlannedPartition, Slot

SLOTS = tuple(
    Slot(f"linear_{index}", (f"/layers.3/{name}",))
    for index, name in enumerate(("down/dgrad", "down/wgrad", "up/dgrad", "up/wgrad"))
)


def partition(launch_slot, order=(0, 1, 2, 3)):
    return PlannedPartition(0, "backward.0", SLOTS, launch_slot, 4, order, "all_reduce")


class Work:
    def __init__(self, ran):
        self.ran = ran

    def wait(self):
        self.ran.append("waited")


def ran(planned, names=("down/dgrad", "down/wgrad", "up/dgrad", "up/wgrad"), **options):
    found = []

    def communication(group):
        found.append("launched" if group is None else f"launched in {group}")
        return Work(found)

    ops = [(name, lambda name=name: found.append(name)) for name in names]
    overlap(planned, ops, communication, **options)
    return found


class Overlap(unittest.TestCase):
    def test_communication_starts_before_its_slot_and_is_waited_for_last(self):
        wanted = ["down/dgrad", "down/wgrad", "launched", "up/dgrad", "up/wgrad", "waited"]
        self.assertEqual(ran(partition(2)), wanted)

    def test_without_a_slot_it_follows_the_last(self):
        self.assertEqual(ran(partition(None))[-3:], ["up/wgrad", "launched", "waited"])

    def test_the_order_of_the_plan(self):
        wanted = ["down/dgrad", "up/dgrad", "launched", "down/wgrad", "up/wgrad", "waited"]
        self.assertEqual(ran(partition(1, order=(0, 2, 1, 3))), wanted)

    def test_a_piece_may_hold_several_slots(self):
        # wgrad of `up` is the slot: it starts before the piece that holds it.
        wanted = ["down/", "launched", "up/", "waited"]
        self.assertEqual(ran(partition(3), names=("down/", "up/")), wanted)
        # ... but never before what it sends is there.
        wanted = ["down/", "up/", "launched", "waited"]
        self.assertEqual(ran(partition(3), names=("down/", "up/"), needs="up/"), wanted)

    def test_slots_may_be_named_instead(self):
        names = tuple(slot.name for slot in SLOTS)
        self.assertEqual(ran(partition(1), names=names)[:3], ["linear_0", "launched", "linear_1"])

    def test_an_unknown_piece_stays_behind_the_one_before_it(self):
        names = ("down/dgrad", "hook", "down/wgrad", "up/dgrad", "up/wgrad")
        found = ran(partition(1, order=(0, 2, 1, 3)), names=names)
        self.assertEqual(found[:4], ["down/dgrad", "hook", "up/dgrad", "launched"])

    def test_pieces_of_another_partition_run_as_they_come(self):
        with self.assertLogs("kareus", logging.WARNING) as logs:
            found = ran(partition(2), names=("rope", "norm"))
            self.assertEqual(found, ["launched", "rope", "norm", "waited"])
        self.assertIn("KRS5331", logs.output[0])

    def test_pieces_out_of_the_order_of_slots_run_as_they_come(self):
        with self.assertLogs("kareus", logging.WARNING):
            self.assertEqual(ran(partition(2), names=("up/", "down/")), ["launched", "up/", "down/", "waited"])

    def test_unplanned_it_starts_first_or_after_what_it_needs(self):
        self.assertEqual(ran(None, names=("a", "b")), ["launched", "a", "b", "waited"])
        self.assertEqual(ran(None, names=("a", "b"), needs="a"), ["a", "launched", "b", "waited"])

    def test_what_is_queued_starts_in_turn(self):
        def both(queued_slot, order=(0, 1, 2, 3), **options):
            found = []

            def starter(name):
                return lambda group: found.append(name) or Work(found)

            planned = replace(partition(1, order), queued_slots=(queued_slot,))
            names = ("down/dgrad", "down/wgrad", "up/dgrad", "up/wgrad")
            ops = [(name, lambda name=name: found.append(name)) for name in names]
            overlap(planned, ops, [starter("sum"), starter("then")], **options)
            self.assertEqual(found[-2:], ["waited", "waited"])
            return found[:-2]

        one, two, three, four = "down/dgrad", "down/wgrad", "up/dgrad", "up/wgrad"
        self.assertEqual(both(1), [one, "sum", "then", two, three, four])
        self.assertEqual(both(None), [one, "sum", two, three, four, "then"])
        self.assertEqual(both(0), [one, "sum", "then", two, three, four])
        self.assertEqual(both(3, order=(0, 2, 1, 3)), [one, three, "sum", two, "then", four])
        # Each by what it needs, and never before the one ahead of it.
        self.assertEqual(both(1, needs=[None, three]), [one, "sum", two, three, "then", four])
        self.assertEqual(both(1, needs=three), [one, two, three, "sum", "then", four])

    def test_the_group_is_passed_on(self):
        self.assertIn("launched in tp", ran(partition(0), group="tp"))


class Cuda:
    """torch.cuda, as far as streams go: says on which stream each thing happens."""

    def __init__(self, found):
        self.found, self.current = found, "compute"

    def Stream(self, priority):
        stream = types.SimpleNamespace(name="communication")
        stream.wait_stream = lambda other: self.found.append(f"communication waits for {other.name}")
        return stream

    def current_stream(self):
        stream = types.SimpleNamespace(name=self.current)
        stream.wait_stream = lambda other: self.found.append(f"{self.current} waits for {other.name}")
        return stream

    @contextmanager
    def stream(self, stream):
        self.current = stream.name
        yield
        self.current = "compute"


class OnTwoStreams(unittest.TestCase):
    def test_communication_waits_for_the_compute_before_it_and_compute_for_it_in_the_end(self):
        found = []
        cuda = Cuda(found)
        ops = [(n, lambda n=n: found.append(f"{n} on {cuda.current}")) for n in ("down/", "up/")]

        def communication(group):
            found.append(f"launched on {cuda.current}")
            return [types.SimpleNamespace(wait=lambda: found.append(f"work waited for on {cuda.current}"))]

        overlap(partition(2), ops, communication, streams=Streams(cuda))
        self.assertEqual(
            found,
            [
                "down/ on compute",
                "communication waits for compute",
                "launched on communication",
                "up/ on compute",
                "work waited for on communication",
                "compute waits for communication",
            ],
        )


class Config:
    def __init__(self):
        self.min_ctas = self.max_ctas = None


class Distributed:
    """torch.distributed with NCCL, as far as groups need it; `config` as PyTorch has it since 2.1."""

    def __init__(self, rank, config):
        options = type("Options", (), {})
        self.made = []
        self._rank = rank

        class Options(options):
            def __init__(self):
                if config:
                    self.config = Config()

        self.ProcessGroupNCCL = types.SimpleNamespace(Options=Options)

    def get_backend(self):
        return "nccl"

    def get_rank(self):
        return self._rank

    def new_group(self, ranks, pg_options=None):
        ctas = None if pg_options is None else (pg_options.config.min_ctas, pg_options.config.max_ctas)
        self.made.append((ranks, ctas))
        return self.made[-1]


class Groups(unittest.TestCase):
    def test_many_numbers_become_few(self):
        self.assertEqual(levels_of([2, 30, 2, 6]), [2, 6, 30])
        self.assertEqual(levels_of(range(1, 21), most=4), [1, 7, 14, 20])
        self.assertEqual(levels_of([3, 9], most=1), [9])
        self.assertEqual(levels_of([0]), [0])
        self.assertEqual([nearest([2, 6, 30], sms) for sms in (1, 3, 5, 13, 14, 0)], [2, 2, 6, 6, 30, 30])

    def test_a_communicator_per_number(self):
        dist = Distributed(rank=2, config=True)
        plan = types.SimpleNamespace(sms=[4, 16])
        groups = communication_groups(plan, [[0, 1], [2, 3]], dist)
        ranks = [([0, 1], (4, 4)), ([0, 1], (16, 16)), ([2, 3], (4, 4)), ([2, 3], (16, 16))]
        self.assertEqual(dist.made, ranks)
        self.assertEqual(groups.of(5), ([2, 3], (4, 4)))
        self.assertEqual(groups.of(0), ([2, 3], (16, 16)))

    def test_an_older_torch_has_one_for_all(self):
        dist = Distributed(rank=0, config=False)
        self.assertIsNone(options_for(dist, 4))
        names = ("NCCL_MAX_CTAS", "NCCL_MAX_NCHANNELS")
        before = {name: os.environ.pop(name, None) for name in names}
        try:
            groups = communication_groups(types.SimpleNamespace(sms=[4, 16]), [[0, 1]], dist)
            self.assertEqual([os.environ.get(name) for name in names], ["16", "16"])
        finally:
            for name, value in before.items():
                os.environ.pop(name, None)
                if value is not None:
                    os.environ[name] = value
        self.assertEqual(dist.made, [([0, 1], None)])
        self.assertIs(groups.of(4), groups.of(16))


if __name__ == "__main__":
    unittest.main()
