#!/usr/bin/env python3
"""Whole training iterations of the bundled qwen3-1.7b's shape, in plain PyTorch on one GPU: time and
energy of one, energy between two ticks of the counter. Prints one JSON object."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from kareus_runtime import native  # noqa: E402

WIDTH, INNER, LAYERS, HEADS, KV_HEADS, HEAD, VOCABULARY = 2048, 6144, 28, 16, 8, 128, 151936
MEASURED_S = 4.0


class Layer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.RMSNorm(WIDTH) for _ in range(2))
        self.head_norms = nn.ModuleList(nn.RMSNorm(HEAD) for _ in range(2))
        self.query = nn.Linear(WIDTH, HEADS * HEAD, bias=False)
        self.key, self.value = (nn.Linear(WIDTH, KV_HEADS * HEAD, bias=False) for _ in range(2))
        self.out = nn.Linear(HEADS * HEAD, WIDTH, bias=False)
        self.gate, self.up = (nn.Linear(WIDTH, INNER, bias=False) for _ in range(2))
        self.down = nn.Linear(INNER, WIDTH, bias=False)

    def forward(self, x: torch.Tensor, cosine: torch.Tensor, sine: torch.Tensor) -> torch.Tensor:
        batch, length, _ = x.shape
        normed = self.norms[0](x)

        def heads(made: torch.Tensor, norm: nn.Module | None) -> torch.Tensor:
            split = made.view(batch, length, -1, HEAD).transpose(1, 2)
            if norm is None:
                return split
            split = norm(split)
            low, high = split.chunk(2, dim=-1)
            return split * cosine + torch.cat((-high, low), dim=-1) * sine

        query = heads(self.query(normed), self.head_norms[0])
        key = heads(self.key(normed), self.head_norms[1])
        value = heads(self.value(normed), None)
        attended = functional.scaled_dot_product_attention(
            query, key, value, is_causal=True, enable_gqa=True
        )
        x = x + self.out(attended.transpose(1, 2).reshape(batch, length, -1))
        normed = self.norms[1](x)
        return x + self.down(functional.silu(self.gate(normed)) * self.up(normed))


class Model(nn.Module):
    def __init__(self, length: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, WIDTH)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        self.norm = nn.RMSNorm(WIDTH)
        self.head = nn.Linear(WIDTH, VOCABULARY, bias=False)
        places = torch.outer(torch.arange(length), 1e6 ** (-torch.arange(0, HEAD, 2) / HEAD))
        places = torch.cat((places, places), dim=-1)
        self.register_buffer("cosine", places.cos().to(torch.bfloat16))
        self.register_buffer("sine", places.sin().to(torch.bfloat16))

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        x = self.embedding(tokens)
        for layer in self.layers:
            x = layer(x, self.cosine, self.sine)
        logits = self.head(self.norm(x)).float()
        return functional.cross_entropy(logits.flatten(0, 1), tokens.flatten())


def tick(device: native.Device) -> tuple[float, float]:
    """Waits until the energy counter moves: when, and to what."""
    before = device.energy_j()
    while (after := device.energy_j()) == before:
        pass
    return time.perf_counter(), after


def compiled(model: Model, step: object) -> str:
    """Compiles the layers if that works here."""
    try:
        for layer in model.layers:
            layer.compile()
        step()
        return "compiled"
    except Exception:  # noqa: BLE001  (compilers are missing in many ways)
        for layer in model.layers:
            layer._compiled_call_impl = None
        return "eager"


def main() -> None:
    job = json.loads(Path(sys.argv[1]).read_text())
    torch.manual_seed(0)
    torch.set_default_dtype(torch.bfloat16)
    with torch.device("cuda"):
        model = Model(job["sequence"])
        tokens = torch.randint(0, VOCABULARY, (job["microbatches"], job["batch"], job["sequence"]))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, fused=True)

    def step() -> None:
        for microbatch in tokens:
            model(microbatch).backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        torch.cuda.synchronize()

    execution = compiled(model, step)
    for _ in range(2):
        step()
    began_s = time.perf_counter()
    step()
    steps = max(2, round(MEASURED_S / (time.perf_counter() - began_s)))
    properties = torch.cuda.get_device_properties(0)
    library = native.Library(str(HERE / "build" / "libkareus.so"))
    device = library.open("nvml", native.OBSERVE, f"GPU-{properties.uuid}", 0, False)
    # From tick to tick the GPU is at work; what is left until the last tick is at its idle power.
    first_s, first_j = tick(device)
    for _ in range(steps):
        step()
    done_s = time.perf_counter()
    last_s, last_j = tick(device)
    idle_from, idle_to = tick(device), tick(device)
    idle_w = (idle_to[1] - idle_from[1]) / (idle_to[0] - idle_from[0])
    energy_j = last_j - first_j - idle_w * (last_s - done_s)
    found = {"gpu": properties.name, "execution": execution, "steps": steps}
    found.update(time_s=(done_s - first_s) / steps, energy_j=energy_j / steps)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
