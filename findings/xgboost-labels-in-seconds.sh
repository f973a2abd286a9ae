#!/usr/bin/env bash
# xgboost 3.2.0: regression on kernel times.
# Expected: the unit of the labels does not matter to trees: milliseconds and seconds give the same model.
# Seen: a split must gain more than 1e-6 in squared label units, whatever `gamma` says (0 here). Times of
# 2 ms in seconds square to 4e-6: most splits are refused, 100 trees have a tenth of the leaves, and the
# held-out error is several times that of the same times in milliseconds. Nothing warns.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet xgboost==3.2.0 numpy==2.4.6
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import numpy
import xgboost

random = numpy.random.default_rng(0)
settings = random.uniform(900, 1410, (200, 3))
time_s = 2e-3 * 1410 / settings[:, 0] * (1 + 0.2 * (settings[:, 1] > 1100))

def fit(scale):
    seen = xgboost.DMatrix(settings[:100], label=time_s[:100] * scale)
    model = xgboost.train({"max_depth": 6, "eta": 0.3, "gamma": 0}, seen, num_boost_round=100)
    predicted_s = model.predict(xgboost.DMatrix(settings[100:])) / scale
    nodes = sum(len(tree.splitlines()) for tree in model.get_dump())
    return float(numpy.mean(numpy.abs(predicted_s / time_s[100:] - 1))), nodes

seconds, milliseconds = fit(1), fit(1e3)
print(f"seconds: {100 * seconds[0]:.1f} % error, {seconds[1]} nodes")
print(f"milliseconds: {100 * milliseconds[0]:.1f} % error, {milliseconds[1]} nodes")
assert seconds[0] > 3 * milliseconds[0] and milliseconds[1] > 5 * seconds[1], "the behaviour has changed"
PYTHON
