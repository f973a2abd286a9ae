#!/usr/bin/env bash
# onnx-proto 8.0.1 (npm), onnx 1.23.2 (PyPI): a decoder of 2021 reads a file of today.
# Expected: a field that the decoder does not know is kept, or told.
# Seen: a node's metadata_props, where today's exporters keep scope names, and a function's overload are
# dropped without a word: decoding and encoding a model again loses them.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet onnx==1.23.2 numpy==2.4.6
npm install --silent --no-audit --no-fund --prefix . onnx-proto@8.0.1 > /dev/null
venv/bin/python - <<'PYTHON'
from onnx import TensorProto, helper, save
x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [4]) for name in "xy")
node = helper.make_node("Relu", ["x"], ["y"], name="relu", overload="fast", domain="local")
node.metadata_props.add(key="scope", value="model.layers.0")
save(helper.make_model(helper.make_graph([node], "graph", [x], [y])), "model.onnx")
PYTHON
node -e '
  const { readFileSync, writeFileSync } = require("node:fs");
  const { onnx } = require("onnx-proto");
  const model = onnx.ModelProto.decode(readFileSync("model.onnx"));
  console.log("decoded:", JSON.stringify(model.graph.node[0]));
  writeFileSync("again.onnx", onnx.ModelProto.encode(model).finish());
'
venv/bin/python - <<'PYTHON'
from onnx import load
before, after = (load(name).graph.node[0] for name in ("model.onnx", "again.onnx"))
print("before:", before.overload, [(each.key, each.value) for each in before.metadata_props])
print("after:", after.overload or "nothing", [(each.key, each.value) for each in after.metadata_props])
assert before.metadata_props and before.overload and not after.metadata_props and not after.overload, "the behaviour has changed"
PYTHON
