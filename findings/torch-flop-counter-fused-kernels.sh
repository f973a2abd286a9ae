#!/usr/bin/env bash
# torch 2.13.0, CPU: torch.utils.flop_counter.FlopCounterMode.
# Expected: a layer costs about the same FLOPs in training mode and in evaluation mode.
# Seen: TransformerEncoderLayer costs 1,361,920 FLOPs in training mode and 0 in evaluation mode under no_grad
# (its fused fast path has no formula), fused attention costs 0 on the CPU and the whole square on the
# meta device whether it is causal or not, an LSTM costs 0 where a GRU of the same size is counted,
# and a matrix times a vector costs 0. Nothing warns.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import torch
from torch.nn.functional import scaled_dot_product_attention as attention
from torch.utils.flop_counter import FlopCounterMode

def flops(run):
    with FlopCounterMode(display=False) as counter:
        run()
    return counter.get_total_flops()

x = torch.randn(2, 10, 64)
layer = torch.nn.TransformerEncoderLayer(64, 4, 128, batch_first=True)
seen = {"encoder layer, training": flops(lambda: layer(x))}
layer.eval()
with torch.no_grad():
    seen["encoder layer, evaluation"] = flops(lambda: layer(x))
for device in ("cpu", "meta"):
    q = torch.randn(1, 8, 256, 64, device=device)
    for causal in (False, True):
        key = f"attention, {device}, {'causal' if causal else 'full'}"
        seen[key] = flops(lambda: attention(q, q, q, is_causal=causal))
sequence = torch.randn(2, 10, 16)
seen["LSTM"] = flops(lambda: torch.nn.LSTM(16, 32, batch_first=True)(sequence))
seen["GRU"] = flops(lambda: torch.nn.GRU(16, 32, batch_first=True)(sequence))
seen["matrix times vector"] = flops(lambda: torch.mv(torch.randn(128, 256), torch.randn(256)))
for name, count in seen.items():
    print(f"{name}: {count}")
square = 4 * 8 * 256 * 256 * 64
assert seen == {
    "encoder layer, training": 1361920, "encoder layer, evaluation": 0,
    "attention, cpu, full": 0, "attention, cpu, causal": 0,
    "attention, meta, full": square, "attention, meta, causal": square,
    "LSTM": 0, "GRU": 184320, "matrix times vector": 0,
}, "the behaviour has changed"
PYTHON
