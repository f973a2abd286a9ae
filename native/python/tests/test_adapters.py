"""Adapters against stand-ins: the signatures are PyTorch's and Megatron-LM's, the work is not."""

import enum
import tempfile
import types
import unittest

from support import LIBRARY, plan_data, write_plan

from kareus_runtime import Options, Runtime
from kareus_runtime.adapters import megatron, pipelining

DRY = Options(backend="dry", device=0, synchronous=True)


class Recording:
    """A runtime that says what it was asked for."""

    def __init__(self, instructions=()):
        self.instructions = instructions
        self.asked = []
        self.steps, self.stepping = 1, True

    def instruction(self, kind, microbatch=None, chunk=0):
        self.asked.append((kind, microbatch, chunk))
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


class Stage:
    """The methods of torch.distributed.pipelining.stage._PipelineStageBase that a schedule calls."""

    def __init__(self, stage_index):
        self.stage_index = stage_index
        self.calls = []

    def forward_one_chunk(self, fwd_chunk_id, args, kwargs=None, save_forward_output=True):
        self.calls.append(("forward", fwd_chunk_id, args, kwargs, save_forward_output))
        return "output"

    def backward_one_chunk(self, bwd_chunk_id, loss=None, full_backward=True, last_backward=False):
        self.calls.append(("backward", bwd_chunk_id, loss, full_backward, last_backward))

    def backward_weight_one_chunk(self, bwd_chunk_id, last_backward=False):
        self.calls.append(("weight", bwd_chunk_id, last_backward))


class Now(str, enum.Enum):
    """As PyTorch's enum of computation types is."""

    FORWARD = "F"
    BACKWARD_INPUT = "I"
    BACKWARD_WEIGHT = "W"
    SEND_B = "SEND_B"
    FULL_BACKWARD = "B"
    OVERLAP_F_B = "OVERLAP_F_B"


class Earlier(enum.Enum):
    """As it was earlier: numbers, whose text is the letter."""

    FORWARD = 1
    BACKWARD_INPUT = 2
    BACKWARD_WEIGHT = 3
    SEND_B = 8
    FULL_BACKWARD = 10

    def __str__(self):
        return Now[self.name].value


def action(stage_index, computation_type, microbatch_index, sub_actions=None):
    return types.SimpleNamespace(
        stage_index=stage_index,
        computation_type=computation_type,
        microbatch_index=microbatch_index,
        sub_actions=sub_actions,
    )


class Pipelining(unittest.TestCase):
    def test_each_chunk_is_an_instruction(self):
        stage, runtime = Stage(1), Recording()
        pipelining.follow(types.SimpleNamespace(_stage=stage), runtime)
        # As Schedule1F1B and the interleaved schedules call them.
        self.assertEqual(stage.forward_one_chunk(0, ("x",), {}), "output")
        stage.forward_one_chunk(1, ("x",), {}, save_forward_output=False)
        stage.backward_one_chunk(0, loss="loss", last_backward=False)
        stage.backward_one_chunk(1, loss="loss", full_backward=False, last_backward=True)
        stage.backward_weight_one_chunk(1, last_backward=True)
        self.assertEqual(
            runtime.asked,
            [
                ("forward", 0, 0),
                ("forward", 1, 0),
                ("backward", 0, 0),
                ("input_gradient", 1, 0),
                ("weight_gradient", 1, 0),
            ],
        )
        self.assertEqual(
            stage.calls,
            [
                ("forward", 0, ("x",), {}, True),
                ("forward", 1, ("x",), {}, False),
                ("backward", 0, "loss", True, False),
                ("backward", 1, "loss", False, True),
                ("weight", 1, True),
            ],
        )

    def test_chunks_count_in_the_order_of_the_model(self):
        late, early = Stage(3), Stage(1)
        schedule = types.SimpleNamespace(_stages=[late, early])
        runtime = Recording()
        pipelining.follow(schedule, runtime)
        late.forward_one_chunk(2, ())
        early.forward_one_chunk(2, ())
        self.assertEqual(runtime.asked, [("forward", 2, 1), ("forward", 2, 0)])

    def test_evaluation_passes_by(self):
        stage, runtime = Stage(0), Recording()
        pipelining.follow(types.SimpleNamespace(_stage=stage), runtime)
        runtime.stepping = False
        self.assertEqual(stage.forward_one_chunk(0, ()), "output")
        self.assertEqual(runtime.asked, [])

    def test_the_order_of_a_schedule_can_be_declared(self):
        for kinds in (Now, Earlier):
            order = [
                action(1, kinds.FORWARD, 0),
                None,
                action(3, kinds.FORWARD, 0),
                action(3, kinds.BACKWARD_INPUT, 0),
                action(3, kinds.BACKWARD_WEIGHT, 0),
                action(1, kinds.SEND_B, 0),
                action(1, kinds.FULL_BACKWARD, 0),
            ]
            schedule = types.SimpleNamespace(_stages=[Stage(1), Stage(3)], pipeline_order={1: order})
            self.assertEqual(
                pipelining.instructions_of(schedule, 1),
                [
                    ("forward", 0, 0),
                    ("forward", 0, 1),
                    ("input_gradient", 0, 1),
                    ("weight_gradient", 0, 1),
                    ("backward", 0, 0),
                ],
            )

    def test_a_joint_action_is_its_parts(self):
        parts = (action(0, Now.FORWARD, 1), action(0, Now.FULL_BACKWARD, 0))
        order = [action(-1, Now.OVERLAP_F_B, None, parts)]
        schedule = types.SimpleNamespace(_stages=[Stage(0)], pipeline_order={0: order})
        found = pipelining.instructions_of(schedule, 0)
        self.assertEqual(found, [("forward", 1, 0), ("backward", 0, 0)])

    def test_what_cannot_be_known_is_said(self):
        forward, backward = Now.FORWARD, Now.FULL_BACKWARD
        off_by_one = [action(0, forward, 1), action(0, backward, 0)]
        for kept in ({}, {"pipeline_order": {0: off_by_one}, "_n_microbatches": 1}):
            schedule = types.SimpleNamespace(_stage=Stage(0), **kept)
            with self.assertLogs("kareus") as logs:
                self.assertIsNone(pipelining.instructions_of(schedule, 0))
            self.assertIn("KRS5315", logs.output[0])


def megatron_schedules():
    """Module-level functions as in megatron.core.pipeline_parallel.schedules, and one that uses them."""
    module = types.SimpleNamespace()

    def forward_step(
        forward_step_func,
        data_iterator,
        model,
        num_microbatches,
        input_tensor,
        forward_data_store,
        config,
        cp_group_size,
        collect_non_loss_data=False,
        checkpoint_activations_microbatch=None,
        is_first_microbatch=False,
        current_microbatch=None,
        vp_stage=None,
        is_last_stage=True,
    ):
        return forward_step_func(data_iterator, model), num_microbatches

    def backward_step(input_tensor, output_tensor, output_tensor_grad, config):
        return output_tensor_grad

    module.forward_step, module.backward_step = forward_step, backward_step

    def forward_backward(count):
        """1F1B of the last stage: looks its functions up in the module, as the real ones do."""
        for microbatch in range(count):
            given = (lambda data, model: "y", [], None, count, None, [], None, 1)
            module.forward_step(*given, current_microbatch=microbatch)
            module.backward_step(None, None, "gradient", None)

    module.forward_backward = forward_backward
    return module


class Megatron(unittest.TestCase):
    def test_steps_are_the_instructions_that_the_plan_has_next(self):
        if not LIBRARY.exists():
            self.skipTest("libkareus is not built")
        with tempfile.TemporaryDirectory() as folder:
            plan = write_plan(folder, plan_data(microbatches=3))
            with Runtime(plan, 0, 0, options=DRY) as runtime:
                schedules = megatron_schedules()
                megatron.follow(schedules, runtime)
                schedules.forward_backward(3)  # Evaluation: no step of the runtime.
                for _ in range(2):
                    with runtime.step():
                        schedules.forward_backward(3)
                        with runtime.instruction("tail"):
                            pass
                runtime.device.flush(5)
                self.assertEqual(runtime.mode, "control")
                self.assertEqual(runtime.device.statistics().instructions, 14)
                self.assertEqual(runtime.device.changes(), [1410, 900] * 3 + [1410] + [900, 1410] * 3)

    def test_what_is_passed_comes_through(self):
        schedules = megatron_schedules()
        runtime = Recording()
        megatron.follow(schedules, runtime)
        given = (lambda data, model: (data, model), "data", "model", 4, None, [], None, 1)
        self.assertEqual(schedules.forward_step(*given, vp_stage=1), (("data", "model"), 4))
        self.assertEqual(schedules.backward_step(None, None, "g", None), "g")
        self.assertEqual(runtime.asked, [("forward", None, 0), ("backward", None, 0)])


class Order(unittest.TestCase):
    def test_another_kind_than_planned_is_told(self):
        if not LIBRARY.exists():
            self.skipTest("libkareus is not built")
        with tempfile.TemporaryDirectory() as folder:
            plan = write_plan(folder, plan_data(microbatches=2))
            with Runtime(plan, 0, 0, options=DRY) as runtime:
                schedules = megatron_schedules()
                megatron.follow(schedules, runtime)
                with self.assertLogs("kareus") as logs, runtime.step():
                    schedules.backward_step(None, None, "g", None)
                self.assertIn("KRS5030", logs.output[0])
                self.assertEqual(runtime.mode, "control")


if __name__ == "__main__":
    unittest.main()
