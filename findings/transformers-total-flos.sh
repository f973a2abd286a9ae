#!/usr/bin/env bash
# transformers 5.24.0 and torch 2.13.0, CPU: the Trainer's `total_flos`, beside torch's FLOP counter.
# Expected: the FLOPs of a mixture of experts are those of the experts that a token is sent to, and an output head
# costs the same whether or not it shares its weights with the embedding.
# Seen: with 2 of 8 experts a token `total_flos` is 3.1 times what runs, for it counts all 8; of a small Llama with
# tied embeddings it is a seventh of what runs, for the head is left out with the embedding. And the FLOP counter
# counts nothing for the experts as the library runs them by default (grouped_mm), and all of them as eager loops.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6 transformers==5.24.0 accelerate==1.15.0
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import LlamaConfig, LlamaForCausalLM, MixtralConfig, MixtralForCausalLM, Trainer, TrainingArguments

SIZES = dict(hidden_size=256, intermediate_size=512, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=4)
ids = torch.arange(64).repeat(2, 1)

def run(model):
    """FLOPs of one step: as the counter sees them, and as the Trainer sums them up."""
    with FlopCounterMode(display=False) as counter:
        model(input_ids=ids, labels=ids, use_cache=False).loss.backward()
    samples = [{"input_ids": row, "labels": row} for row in ids]
    arguments = TrainingArguments("out", max_steps=1, per_device_train_batch_size=2, use_cpu=True, report_to=[], save_strategy="no", disable_tqdm=True)
    trainer = Trainer(model, arguments, train_dataset=samples)
    trainer.train()
    return counter.get_total_flops(), int(trainer.state.total_flos)

def mixture(experts):
    config = MixtralConfig(vocab_size=512, num_local_experts=8, num_experts_per_tok=2, **SIZES)
    config._experts_implementation = experts
    return MixtralForCausalLM(config)

def llama(tied):
    return LlamaForCausalLM(LlamaConfig(vocab_size=32000, tie_word_embeddings=tied, **SIZES))

default = MixtralConfig(vocab_size=512, num_local_experts=8, num_experts_per_tok=2, **SIZES)
assert MixtralForCausalLM(default).config._experts_implementation == "grouped_mm", "the default has changed"
seen = {
    "2 of 8 experts, eager": run(mixture("eager")),
    "2 of 8 experts, grouped_mm (default)": run(mixture("grouped_mm")),
    "Llama, head of its own": run(llama(False)),
    "Llama, tied head": run(llama(True)),
}
for name, (counted, total_flos) in seen.items():
    print(f"{name}: counted {counted}, total_flos {total_flos}")
assert seen == {
    "2 of 8 experts, eager": (1714421760, 5339283456),
    "2 of 8 experts, grouped_mm (default)": (506462208, 5339283456),
    "Llama, head of its own": (7298088960, 7299072000),
    "Llama, tied head": (7298088960, 1007616000),
}, "the behaviour has changed"
PYTHON
