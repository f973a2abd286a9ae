"""A small decoder, written so that one set of modules is exported, trained and cut.

The modules hold one rank's share of the parameters: columns of the first linear layer of each block
and rows of the second (Megatron-LM's cut). With `tp=1` they are the whole model, which export.py
writes as ONNX; kareus then makes the same cut in the graph.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn


@dataclass(frozen=True)
class Shape:
    """Sizes of the decoder; the defaults are the graph beside this file."""

    layers: int = 4
    hidden: int = 128
    heads: int = 4
    ffn: int = 512
    vocab: int = 256
    sequence: int = 32


class Attention(nn.Module):
    def __init__(self, shape, tp=1):
        super().__init__()
        self.heads, self.width = shape.heads // tp, shape.hidden // tp
        self.head_dim = shape.hidden // shape.heads
        # Columns are ordered by head: (query, key, value) of one head lie together.
        self.qkv_proj = nn.Linear(shape.hidden, 3 * self.width, bias=False)
        self.o_proj = nn.Linear(self.width, shape.hidden, bias=False)

    def core(self, qkv):
        """Causal attention of this rank's heads, from its columns of the projection."""
        batch, sequence = qkv.shape[0], qkv.shape[1]
        qkv = qkv.view(batch, sequence, self.heads, 3 * self.head_dim)
        q, k, v = (part.transpose(1, 2) for part in qkv.split(self.head_dim, dim=3))
        mask = torch.full((sequence, sequence), -1e9, device=qkv.device).triu(1)
        scores = torch.matmul(q, k.transpose(2, 3)) / math.sqrt(self.head_dim) + mask
        out = torch.matmul(torch.softmax(scores, dim=-1), v)
        return out.transpose(1, 2).reshape(batch, sequence, self.width)

    def forward(self, x):
        return self.o_proj(self.core(self.qkv_proj(x)))


class FeedForward(nn.Module):
    def __init__(self, shape, tp=1):
        super().__init__()
        self.up_proj = nn.Linear(shape.hidden, shape.ffn // tp, bias=False)
        self.down_proj = nn.Linear(shape.ffn // tp, shape.hidden, bias=False)

    def forward(self, x):
        return self.down_proj(F.gelu(self.up_proj(x)))


class Layer(nn.Module):
    def __init__(self, shape, tp=1):
        super().__init__()
        self.attention_norm = nn.LayerNorm(shape.hidden)
        self.self_attn = Attention(shape, tp)
        self.mlp_norm = nn.LayerNorm(shape.hidden)
        self.mlp = FeedForward(shape, tp)

    def forward(self, x):
        x = x + self.self_attn(self.attention_norm(x))
        return x + self.mlp(self.mlp_norm(x))


class Decoder(nn.Module):
    """The whole model in one place, for the export: no pipeline, no cut."""

    def __init__(self, shape):
        super().__init__()
        self.embed_tokens = nn.Embedding(shape.vocab, shape.hidden)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.norm = nn.LayerNorm(shape.hidden)
        self.lm_head = nn.Linear(shape.hidden, shape.vocab, bias=False)
        self.vocab = shape.vocab

    def forward(self, input_ids, labels):
        x = self.embed_tokens(input_ids)
        for layer in self.layers:
            x = layer(x)
        logits = self.lm_head(self.norm(x))
        return F.cross_entropy(logits.view(-1, self.vocab), labels.view(-1))
