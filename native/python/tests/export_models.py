"""Small models of the real transformers package, one of each kind that people train."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import transformers as hf

BATCH = 2
TOKENS = 64
BASE = {
    "hidden_size": 256,
    "intermediate_size": 512,
    "num_hidden_layers": 2,
    "num_attention_heads": 8,
    "vocab_size": 1024,
}
MIXTURE = {"num_experts_per_tok": 2, "moe_intermediate_size": 128}
LATENT = {
    "q_lora_rank": 64,
    "kv_lora_rank": 32,
    "qk_rope_head_dim": 16,
    "qk_nope_head_dim": 32,
    "v_head_dim": 32,
}

CONFIGS: dict[str, Callable[[], tuple[type, Any]]] = {
    "llama": lambda: (hf.LlamaForCausalLM, hf.LlamaConfig(**BASE, num_key_value_heads=2)),
    "qwen3": lambda: (
        hf.Qwen3ForCausalLM,
        hf.Qwen3Config(**BASE, num_key_value_heads=2, head_dim=32),
    ),
    "gemma": lambda: (
        hf.GemmaForCausalLM,
        hf.GemmaConfig(**BASE, num_key_value_heads=1, head_dim=32),
    ),
    "gpt2": lambda: (
        hf.GPT2LMHeadModel,
        hf.GPT2Config(n_embd=256, n_layer=2, n_head=8, vocab_size=1024),
    ),
    "gpt_neox": lambda: (hf.GPTNeoXForCausalLM, hf.GPTNeoXConfig(**BASE)),
    "bert": lambda: (hf.BertForMaskedLM, hf.BertConfig(**BASE)),
    "vit": lambda: (
        hf.ViTForImageClassification,
        hf.ViTConfig(
            **{key: size for key, size in BASE.items() if key != "vocab_size"},
            image_size=64,
            patch_size=16,
        ),
    ),
    "t5": lambda: (
        hf.T5ForConditionalGeneration,
        hf.T5Config(
            d_model=256,
            d_kv=32,
            d_ff=512,
            num_layers=2,
            num_heads=8,
            vocab_size=1024,
            decoder_start_token_id=0,
            pad_token_id=0,
        ),
    ),
    "mixtral": lambda: (
        hf.MixtralForCausalLM,
        hf.MixtralConfig(**BASE, num_key_value_heads=2, num_local_experts=4),
    ),
    "qwen3_moe": lambda: (
        hf.Qwen3MoeForCausalLM,
        hf.Qwen3MoeConfig(**BASE, **MIXTURE, num_key_value_heads=2, head_dim=32, num_experts=8),
    ),
    "deepseek_v3": lambda: (
        hf.DeepseekV3ForCausalLM,
        hf.DeepseekV3Config(
            **BASE,
            **MIXTURE,
            **LATENT,
            num_key_value_heads=8,
            n_routed_experts=8,
            n_group=2,
            topk_group=1,
            first_k_dense_replace=1,
        ),
    ),
    "mamba": lambda: (
        hf.MambaForCausalLM,
        hf.MambaConfig(hidden_size=256, num_hidden_layers=2, vocab_size=1024),
    ),
}


def save_config(name: str, folder: str) -> None:
    """Writes the config.json of a model, as its folder holds it."""
    cls, config = CONFIGS[name]()
    config.architectures = [cls.__name__]
    config.save_pretrained(folder)


def product_flops(program: torch.export.ExportedProgram) -> int:
    """FLOPs of every product of a traced graph, by its operands' shapes: an independent count."""
    total = 0
    for node in program.graph.nodes:
        if node.op != "call_function":
            continue
        shapes = [
            tuple(argument.meta["val"].shape)
            for argument in node.args
            if isinstance(argument, torch.fx.Node) and hasattr(argument.meta.get("val"), "shape")
        ]
        name = str(node.target)
        if name in ("aten.linear.default", "aten.mm.default", "aten.matmul.default"):
            out = node.meta["val"]
            total += 2 * out.numel() * shapes[0][-1]
        elif name == "aten.addmm.default":
            total += 2 * node.meta["val"].numel() * shapes[1][-1]
        elif name == "aten._grouped_mm.default":
            total += 2 * node.meta["val"].numel() * shapes[0][-1]
    return total
