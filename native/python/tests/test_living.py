"""A job that lives: compiled code around instructions, several pipelines in one process, a restart."""

import importlib.util
import tempfile
import unittest

from support import LIBRARY, plan_data, without_repeats, write_plan

from kareus_runtime import Options, Runtime


def compiles():
    """Whether PyTorch is here, and one that compiles (2.0 or newer)."""
    if importlib.util.find_spec("torch") is None:
        return False
    import torch

    return hasattr(torch, "compile")


def dry(device):
    return Options(backend="dry", device=device, synchronous=True)


@unittest.skipUnless(LIBRARY.exists(), "libkareus is not built")
class Living(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.data = plan_data(microbatches=2, clocks=(1410, 900, 1200))
        self.plan = write_plan(folder.name, self.data)
        self.clocks = [each["freq_mhz"] for each in self.data["stages"][0]["instructions"]]

    def changes(self, runtime):
        runtime.device.flush(5)
        return runtime.device.changes()

    def step(self, runtime):
        with runtime.step():
            for each in runtime.instructions:
                with runtime.instruction(each.kind, each.microbatch):
                    pass

    @unittest.skipUnless(compiles(), "needs PyTorch 2")
    def test_compiled_code_around_instructions_and_inside(self):
        import torch

        layer, batch = torch.nn.Linear(4, 4), torch.randn(2, 4)
        with Runtime(self.plan, 0, 0, options=dry(0)) as runtime:

            @torch.compile(backend="eager")
            def forward(microbatch):
                with runtime.instruction("forward", microbatch):
                    return layer(batch).sum()

            compiled = torch.compile(layer, backend="eager")
            for _ in range(3):
                with runtime.step():
                    for each in runtime.instructions:
                        if each.kind == "forward" and each.microbatch == 0:
                            loss = forward(0)
                            continue
                        with runtime.instruction(each.kind, each.microbatch):
                            if each.kind == "forward":
                                loss = compiled(batch).sum()
                            elif each.kind == "backward":
                                loss.backward()
            self.assertEqual(self.changes(runtime), without_repeats(self.clocks * 3))
            self.assertEqual(runtime.mode, "control")

    def test_pipelines_of_one_process_follow_their_own_plans(self):
        with Runtime(self.plan, 0, 0, options=dry(0)) as one:
            with Runtime(self.plan, 0, 0, options=dry(1)) as other:
                for _ in range(2):
                    with one.step():
                        for each in one.instructions:
                            with one.instruction(each.kind, each.microbatch):
                                # A whole step of the other pipeline goes on inside.
                                self.step(other)
                inside = 2 * len(self.clocks)
                self.assertEqual(self.changes(one), without_repeats(self.clocks * 2))
                self.assertEqual(self.changes(other), without_repeats(self.clocks * inside))

    def test_a_restarted_job_goes_on_with_its_plan(self):
        for _ in range(2):
            with Runtime(self.plan, 0, 0, options=dry(0)) as runtime:
                self.step(runtime)
                self.assertEqual(self.changes(runtime), without_repeats(self.clocks))

    def test_a_job_stopped_in_mid_step_may_go_on_in_the_same_process(self):
        with Runtime(self.plan, 0, 0, options=dry(0)) as runtime:
            with self.assertRaises(KeyboardInterrupt), self.assertLogs("kareus") as logs:
                with runtime.step(), runtime.instruction("forward", 0):
                    raise KeyboardInterrupt
            self.assertIn("KRS5031", logs.output[0])
            self.step(runtime)
            self.assertEqual(self.changes(runtime)[1:], self.clocks[1:])
            self.assertEqual(runtime.mode, "control")


if __name__ == "__main__":
    unittest.main()
