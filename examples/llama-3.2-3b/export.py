"""Exports forward and loss of a Llama-shaped decoder to ONNX, without weights.

The defaults are the shape of Llama-3.2-3B. Parameters and tokens live on PyTorch's meta device:
shapes flow through the trace, no weight is ever allocated, and the file holds none. The projections
are laid out as Megatron-LM lays them out: one fused QKV projection ordered by key/value group, so
that tensor parallelism cuts whole groups, and one fused gate and up projection; --apart makes them
separate ones, as torchtitan and Hugging Face have them.
"""

import argparse
import math
import warnings
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

BATCH, SEQUENCE = 2, 16  # traced sizes; both axes are symbolic in the exported graph


@dataclass(frozen=True)
class Shape:
    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    ffn: int
    vocab: int
    theta: float
    qk_norm: bool
    apart: bool


class RMSNorm(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(hidden, device="meta"))

    def forward(self, x):
        variance = x.pow(2).mean(-1, keepdim=True)
        return self.weight * (x * torch.rsqrt(variance + 1e-5))


def rotate_half(x, half):
    return torch.cat((-x[..., half:], x[..., :half]), dim=-1)


def rotary_tables(shape, sequence):
    """Cosines and sines, sequence x head_dim."""
    even = torch.arange(0, shape.head_dim, 2).float()
    position = torch.arange(sequence).float()
    angle = position[:, None] * torch.pow(shape.theta, -even / shape.head_dim)[None, :]
    angle = torch.cat((angle, angle), dim=-1)
    return angle.cos(), angle.sin()


class Attention(nn.Module):
    """Grouped-query attention from primitives; every query head of a group shares one key head."""

    def __init__(self, shape):
        super().__init__()
        self.shape = shape
        self.group = shape.heads // shape.kv_heads
        own, shared = shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
        if shape.apart:
            self.q_proj = nn.Linear(shape.hidden, own, bias=False, device="meta")
            self.k_proj = nn.Linear(shape.hidden, shared, bias=False, device="meta")
            self.v_proj = nn.Linear(shape.hidden, shared, bias=False, device="meta")
        else:
            self.qkv_proj = nn.Linear(shape.hidden, own + 2 * shared, bias=False, device="meta")
        self.o_proj = nn.Linear(shape.heads * shape.head_dim, shape.hidden, bias=False, device="meta")
        if shape.qk_norm:
            self.q_norm = RMSNorm(shape.head_dim)
            self.k_norm = RMSNorm(shape.head_dim)

    def forward(self, x, cos, sin, mask):
        s = self.shape
        batch, sequence = x.shape[0], x.shape[1]
        q, k, v = self.projected(x, batch, sequence)
        q = q.reshape(batch, sequence, s.heads, s.head_dim).transpose(1, 2)
        k = k.reshape(batch, sequence, s.kv_heads, s.head_dim).transpose(1, 2)
        v = v.reshape(batch, sequence, s.kv_heads, s.head_dim).transpose(1, 2)
        if s.qk_norm:
            q, k = self.q_norm(q), self.k_norm(k)
        q = q * cos + rotate_half(q, s.head_dim // 2) * sin
        k = k * cos + rotate_half(k, s.head_dim // 2) * sin
        k, v = (self.repeat(z, batch, sequence) for z in (k, v))
        scores = torch.matmul(q, k.transpose(2, 3)) / math.sqrt(s.head_dim) + mask
        out = torch.matmul(torch.softmax(scores, dim=-1), v)
        out = out.transpose(1, 2).reshape(batch, sequence, s.heads * s.head_dim)
        return self.o_proj(out)

    def projected(self, x, batch, sequence):
        if self.shape.apart:
            return self.q_proj(x), self.k_proj(x), self.v_proj(x)
        s, group = self.shape, self.group
        qkv = self.qkv_proj(x).view(batch, sequence, s.kv_heads, group + 2, s.head_dim)
        return qkv.split((group, 1, 1), dim=3)

    def repeat(self, x, batch, sequence):
        """Key/value heads repeated to the number of query heads."""
        s, group = self.shape, self.group
        x = x[:, :, None].expand(batch, s.kv_heads, group, sequence, s.head_dim)
        return x.reshape(batch, s.heads, sequence, s.head_dim)


class SwiGLU(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.shape = shape
        if shape.apart:
            self.gate_proj = nn.Linear(shape.hidden, shape.ffn, bias=False, device="meta")
            self.up_proj = nn.Linear(shape.hidden, shape.ffn, bias=False, device="meta")
        else:
            self.gate_up_proj = nn.Linear(shape.hidden, 2 * shape.ffn, bias=False, device="meta")
        self.down_proj = nn.Linear(shape.ffn, shape.hidden, bias=False, device="meta")

    def forward(self, x):
        if self.shape.apart:
            gate, up = self.gate_proj(x), self.up_proj(x)
        else:
            gate, up = self.gate_up_proj(x).split(self.shape.ffn, dim=-1)
        return self.down_proj(F.silu(gate) * up)


class Layer(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.input_layernorm = RMSNorm(shape.hidden)
        self.self_attn = Attention(shape)
        self.post_attention_layernorm = RMSNorm(shape.hidden)
        self.mlp = SwiGLU(shape)

    def forward(self, x, cos, sin, mask):
        x = x + self.self_attn(self.input_layernorm(x), cos, sin, mask)
        return x + self.mlp(self.post_attention_layernorm(x))


class Decoder(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.shape = shape
        self.embed_tokens = nn.Embedding(shape.vocab, shape.hidden, device="meta")
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.norm = RMSNorm(shape.hidden)
        self.lm_head = nn.Linear(shape.hidden, shape.vocab, bias=False, device="meta")

    def forward(self, input_ids, labels):
        sequence, device = input_ids.shape[1], input_ids.device
        x = self.embed_tokens(input_ids)
        # Made on the CPU: the exporter folds them, and a meta tensor has no data to fold.
        cos, sin = (table.to(device) for table in rotary_tables(self.shape, sequence))
        mask = torch.full((sequence, sequence), -1e9, device=device).triu(1)
        for layer in self.layers:
            x = layer(x, cos, sin, mask)
        logits = self.lm_head(self.norm(x))
        return F.cross_entropy(logits.view(-1, self.shape.vocab), labels.view(-1))


class ParametersAsInputs(Decoder):
    """The same decoder with its parameters passed in: the exporter copies a module's own parameters
    to infer shapes, which the meta device refuses; inputs it leaves alone. Either way they become
    inputs of the graph, because no weights are exported."""

    def __init__(self, shape):
        super().__init__(shape)
        self.names, parameters = zip(*self.named_parameters())
        self.tensors = tuple(parameter.detach() for parameter in parameters)
        self.owners = [self.get_submodule(name.rpartition(".")[0]) for name in self.names]
        for owner in self.owners:
            del owner.weight

    def forward(self, input_ids, labels, *tensors):
        for owner, tensor in zip(self.owners, tensors):
            owner.weight = tensor
        return super().forward(input_ids, labels)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--layers", type=int, default=28)
    parser.add_argument("--hidden", type=int, default=3072)
    parser.add_argument("--heads", type=int, default=24)
    parser.add_argument("--kv-heads", type=int, default=8)
    parser.add_argument("--head-dim", type=int, help="default: hidden / heads")
    parser.add_argument("--ffn", type=int, default=8192)
    parser.add_argument("--vocab", type=int, default=128256)
    parser.add_argument("--theta", type=float, default=500000.0)
    parser.add_argument("--qk-norm", action="store_true", help="normalise queries and keys")
    parser.add_argument("--apart", action="store_true", help="separate projections")
    parser.add_argument("--out", default="llama-3.2-3b.onnx")
    return parser.parse_args()


def main():
    args = vars(arguments())
    out = args.pop("out")
    args["head_dim"] = args["head_dim"] or args["hidden"] // args["heads"]
    shape = Shape(**args)
    model = ParametersAsInputs(shape).train()
    tokens = torch.zeros(BATCH, SEQUENCE, dtype=torch.long, device="meta")
    axes = {0: "batch", 1: "sequence"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model,
            (tokens, tokens, *model.tensors),
            out,
            training=torch.onnx.TrainingMode.TRAINING,
            export_params=False,
            do_constant_folding=False,
            opset_version=15,
            input_names=["input_ids", "labels", *model.names],
            output_names=["loss"],
            dynamic_axes={"input_ids": axes, "labels": axes},
        )


if __name__ == "__main__":
    main()
