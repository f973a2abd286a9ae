#!/usr/bin/env bash
# torch 2.13.0, onnx 1.23.2, onnxscript 0.7.2: torch.onnx.export(dynamo=True) of a module in training mode, with
# its default optimize=True.
# Expected: folding constants leaves what is trained alone: every parameter is an initializer of the graph.
# Seen: what is computed of parameters alone is folded too. A class token, expanded to the batch, is stored
# once for each sample of the example input; exp(temperature), as CLIP has it, is stored as a number. A training
# graph made of the file trains a token for each sample, and a temperature that can become negative.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6 onnx==1.23.2 onnxscript==0.7.2
"$folder/venv/bin/python" -W ignore - 2> /dev/null <<'PYTHON'
import math
import torch
from torch import nn

class Tower(nn.Module):
    def __init__(self):
        super().__init__()
        self.token = nn.Parameter(torch.randn(1, 1, 8))
        self.temperature = nn.Parameter(torch.tensor(2.0))
    def forward(self, patches):
        tokens = torch.cat([self.token.expand(patches.shape[0], -1, -1), patches], 1)
        return tokens.relu().sum() * self.temperature.exp()

tower = Tower().train()
patches = torch.randn(4, 3, 8)
seen = {}
for optimize in (False, True):
    exported = torch.onnx.export(tower, (patches,), dynamo=True, optimize=optimize, verbose=False)
    stored = exported.model.graph.initializers.values()
    seen[optimize] = {tuple(tensor.shape): tensor.const_value.numpy() for tensor in stored}
    print(f"optimize={optimize}:", [(t.name, tuple(t.shape)) for t in stored])
assert set(seen[False]) == {(), (1, 1, 8)} and math.isclose(seen[False][()], 2)
assert set(seen[True]) == {(), (4, 1, 8)}, "the behaviour has changed"
assert math.isclose(seen[True][()], math.exp(2), rel_tol=1e-6), "the behaviour has changed"
PYTHON
