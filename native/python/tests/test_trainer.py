"""The real Trainer of transformers follows a plan: instructions, clocks, losses as without it."""

import tempfile
import unittest

from support import LIBRARY, plan_data, without_repeats, write_plan

from kareus_runtime import Options, PlanRefused, Runtime

try:
    import accelerate  # noqa: F401
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM, Trainer, TrainingArguments
except ImportError:
    raise unittest.SkipTest("torch, transformers and accelerate are not installed") from None

from kareus_runtime.adapters.transformers import declared, follow

STEPS, MICROBATCHES = 3, 2


class Tokens(torch.utils.data.Dataset):
    def __len__(self):
        return 64

    def __getitem__(self, index):
        tokens = (index + torch.arange(16)) % 64
        return {"input_ids": tokens, "labels": tokens}


@unittest.skipUnless(LIBRARY.exists(), "libkareus is not built")
class Training(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.data = plan_data(microbatches=MICROBATCHES, clocks=(1410, 900, 1200))

    def trainer(self, microbatches=MICROBATCHES, **more):
        torch.manual_seed(0)
        sizes = dict(hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2)
        model = LlamaForCausalLM(LlamaConfig(**sizes, vocab_size=64))
        arguments = TrainingArguments(
            output_dir=self.folder,
            max_steps=STEPS,
            per_device_train_batch_size=2,
            gradient_accumulation_steps=microbatches,
            logging_steps=1,
            logging_strategy="steps",
            eval_strategy="steps",
            eval_steps=1,
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
            use_cpu=True,
            **more,
        )
        return Trainer(model=model, args=arguments, train_dataset=Tokens(), eval_dataset=Tokens())

    def losses(self, trainer):
        trainer.train()
        return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]

    def test_a_plan_is_followed_and_losses_stay(self):
        plan = write_plan(self.folder, self.data)
        alone = self.losses(self.trainer())
        trainer = self.trainer()
        options = Options(backend="dry", device=0, synchronous=True)
        with Runtime(plan, 0, 0, **declared(trainer), options=options) as runtime:
            follow(trainer, runtime)
            with self.assertNoLogs("kareus"):
                self.assertEqual(self.losses(trainer), alone)
            runtime.device.flush(5)
            clocks = [each["freq_mhz"] for each in self.data["stages"][0]["instructions"]]
            self.assertEqual(runtime.device.changes(), without_repeats(clocks * STEPS))
            self.assertEqual((runtime.steps, runtime.mode), (STEPS, "control"))
        self.assertEqual(len(alone), STEPS)

    def test_another_accumulation_than_planned_is_refused_before_the_first_step(self):
        plan = write_plan(self.folder, self.data)
        with self.assertRaisesRegex(PlanRefused, "KRS5314"):
            Runtime(plan, 0, 0, **declared(self.trainer(4)), options=Options(backend="dry", device=0))

    def test_a_plan_for_another_recomputation_is_told(self):
        checkpointed = {"activation_checkpointing": True}
        reentrant = {**checkpointed, "activation_checkpointing_kwargs": {"use_reentrant": True}}
        by_fsdp = {"fsdp_config": {"activation_checkpointing": True}}
        jobs = ({}, "none"), (checkpointed, "early-stop"), (reentrant, "full"), (by_fsdp, "early-stop")
        for more, found in jobs:
            said = declared(self.trainer(**more))
            self.assertEqual(said["recompute"], found)
            for planned in "none", "full":
                self.data["parallelism"]["recompute"] = planned
                plan = write_plan(self.folder, self.data)
                told = self.assertNoLogs if planned == found else self.assertLogs
                with told("kareus") as logs:
                    Runtime(plan, 0, 0, **said, options=Options(backend="dry", device=0)).close()
                if planned != found:
                    self.assertRegex(logs.output[0], f"(?s)KRS5318.*{planned}.*plan with --recompute {found}")


if __name__ == "__main__":
    unittest.main()
