#!/usr/bin/env bash
# torch 2.13.0, CPU: torch.utils.flop_counter.FlopCounterMode on convolutions with groups.
# Expected: a backward costs twice its forward, however many groups the channels are cut into.
# Seen: the gradient of the weights is counted as if there were one group. With g groups a backward costs
# 1 + g forwards: 5 times the forward with 4 groups, 33 times for a depthwise convolution of 32 channels. A ConvNeXt
# or a MobileNet seems to train at many times the FLOPs that it takes. Nothing warns.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import torch
from torch.utils.flop_counter import FlopCounterMode

def flops(run):
    with FlopCounterMode(display=False) as counter:
        result = run()
    return counter.get_total_flops(), result

CHANNELS, SIZE, KERNEL = 32, 16, 3
seen = {}
for groups in (1, 4, CHANNELS):
    convolution = torch.nn.Conv2d(CHANNELS, CHANNELS, KERNEL, padding=1, groups=groups, bias=False)
    x = torch.randn(2, CHANNELS, SIZE, SIZE, requires_grad=True)
    forward, y = flops(lambda: convolution(x))
    backward, _ = flops(lambda: y.sum().backward())
    assert forward == 2 * y.numel() * KERNEL * KERNEL * CHANNELS // groups
    seen[groups] = backward / forward
    print(f"{groups} groups: forward {forward}, backward {backward}, {seen[groups]:g} times")
assert seen == {1: 2, 4: 5, CHANNELS: 33}, "the behaviour has changed"
PYTHON
