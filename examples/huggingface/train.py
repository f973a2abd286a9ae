"""Trains a model of Hugging Face's transformers with its Trainer, after a kareus plan: README.md beside this file."""

import argparse

import torch
from transformers import AutoConfig, AutoModelForCausalLM, Trainer, TrainingArguments

from kareus_runtime import Runtime
from kareus_runtime.adapters.transformers import declared, follow


class Tokens(torch.utils.data.Dataset):
    """Made-up text in place of yours."""

    def __init__(self, vocabulary, length):
        self.vocabulary, self.length = vocabulary, length

    def __len__(self):
        return 100_000

    def __getitem__(self, index):
        start = torch.randint(self.vocabulary, (1,), generator=torch.Generator().manual_seed(index))
        tokens = (start + 7 * torch.arange(self.length)) % self.vocabulary
        return {"input_ids": tokens, "labels": tokens}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model", help="folder with the model's config.json")
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--sequence", type=int, default=128)
    parser.add_argument("--microbatches", type=int, default=4)
    args = parser.parse_args()

    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(args.model))
    trainer = Trainer(
        model=model,
        args=TrainingArguments(
            output_dir="trained",
            max_steps=args.steps,
            per_device_train_batch_size=args.batch,
            gradient_accumulation_steps=args.microbatches,
            bf16=torch.cuda.is_available(),
            logging_steps=10,
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
        ),
        train_dataset=Tokens(model.config.vocab_size, args.sequence),
    )
    runtime = Runtime(None, rank=0, stage=0, **declared(trainer))  # the plan of `kareus run`
    follow(trainer, runtime)
    trainer.train()
    runtime.close()


if __name__ == "__main__":
    main()
