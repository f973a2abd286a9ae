#!/usr/bin/env bash
# torch 2.13.0, CPU: torch.compile around torch.utils.checkpoint, and FlopCounterMode around both.
# Expected: a layer with `early_stop=False` runs its whole forward again in backward, compiled or not, and the counter
# counts what the compiled code runs.
# Seen: the compiled backward leaves out the last product, whatever `early_stop` says: 5 products where 6 were asked
# for. Under the counter the compiled function runs uncompiled, without a word, and the count is that of 6.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import torch
from torch._dynamo.backends.common import aot_autograd
from torch.utils.checkpoint import checkpoint
from torch.utils.flop_counter import FlopCounterMode

up, down = torch.nn.Linear(64, 256, bias=False), torch.nn.Linear(256, 64, bias=False)
PRODUCT = 2 * 8 * 64 * 256
graphs, runs = {}, []

def counting(name):
    def compiler(module, _):
        graphs[name] = sum("mm" in str(node.target) for node in module.graph.nodes)
        def run(*arguments):
            runs.append(name)
            return module(*arguments)
        return run
    return compiler

def layer(x):
    return x + down(torch.nn.functional.silu(up(x)))

def step(function):
    function(torch.randn(8, 64, requires_grad=True)).sum().backward()

seen = {}
for early_stop in True, False:
    torch._dynamo.reset()
    def checkpointed(x):
        return checkpoint(layer, x, use_reentrant=False, early_stop=early_stop)
    backend = aot_autograd(fw_compiler=counting("forward"), bw_compiler=counting("backward"))
    compiled = torch.compile(checkpointed, backend=backend)
    step(compiled)
    runs.clear()
    step(compiled)
    compiled_runs = len(runs)
    runs.clear()
    with FlopCounterMode(display=False) as counter:
        step(compiled)
    key = f"early_stop={early_stop}"
    seen[f"{key}, products of the compiled forward and backward"] = graphs["forward"] + graphs["backward"]
    seen[f"{key}, graphs run without the counter, and under it"] = (compiled_runs, len(runs))
    seen[f"{key}, products counted"] = counter.get_total_flops() / PRODUCT
for name, value in seen.items():
    print(f"{name}: {value}")
assert list(seen.values()) == [7, (2, 0), 7, 7, (2, 0), 8], "the behaviour has changed"
PYTHON
