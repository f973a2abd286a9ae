#!/usr/bin/env bash
# torch 2.13.0, onnx 1.23.2, onnxscript 0.7.2: torch.onnx.export(dynamo=True) of a module in training mode.
# Expected: every parameter of a model to be trained is an initializer of the graph.
# Seen: the exporter optimizes by value. Two LayerNorms of one input, equal because they are new, become one
# node with one pair of parameters; a Linear whose bias is still zero loses the bias. A training graph made of
# such a file trains fewer parameters than the model has, and lists fewer norms than it runs.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6 onnx==1.23.2 onnxscript==0.7.2
"$folder/venv/bin/python" -W ignore - 2> /dev/null <<'PYTHON'
import torch
from torch import nn

class ParallelBlock(nn.Module):
    """Attention and MLP side by side, each behind a norm of its own, as in GPT-NeoX."""
    def __init__(self):
        super().__init__()
        self.norm_a, self.norm_b = nn.LayerNorm(64), nn.LayerNorm(64)
        self.a, self.b = nn.Linear(64, 64), nn.Linear(64, 64)
        nn.init.zeros_(self.b.bias)
    def forward(self, x):
        return x + self.a(self.norm_a(x)) + self.b(self.norm_b(x))

def initializers(model):
    program = torch.onnx.export(model.train(), (torch.randn(2, 64),), dynamo=True, opset_version=20, verbose=False)
    graph = program.model_proto.graph
    return [node.op_type for node in graph.node], sorted(each.name for each in graph.initializer)

torch.manual_seed(0)
new = ParallelBlock()
trained = ParallelBlock()
with torch.no_grad():
    for parameter in trained.parameters():
        parameter.add_(torch.randn_like(parameter))
for name, model in (("new", new), ("after a step", trained)):
    nodes, kept = initializers(model)
    print(f"{name}: {nodes.count('LayerNormalization')} norms, {len(kept)} of {len(list(model.parameters()))} parameters: {kept}")
assert initializers(new)[0].count("LayerNormalization") == 1, "the behaviour has changed"
assert initializers(new)[1] == ["a.bias", "a.weight", "b.weight", "norm_a.bias", "norm_a.weight"], "the behaviour has changed"
assert len(initializers(trained)[1]) == 8, "the behaviour has changed"
PYTHON
