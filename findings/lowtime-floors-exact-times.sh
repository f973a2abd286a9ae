#!/usr/bin/env bash
# lowtime 0.3.0 (the time-cost solver under Perseus): ExecutionOption.quant_time.
# Expected: a time that is a whole number of time units stays that number: 9 ms at 1 ms is 9.
# Seen: `int(real_time // unit_time)` floors binary fractions, so 0.009 // 0.001 is 8. Of the 1,000 whole
# milliseconds up to a second more than half become one unit shorter, and with them the planned iteration,
# which no real schedule reaches.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet lowtime==0.3.0
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
from lowtime.operation import ExecutionOption

def quantized(milliseconds):
    return ExecutionOption(real_time=milliseconds / 1000, unit_time=0.001, cost=1.0, knob=0).quant_time

short = [ms for ms in range(1, 1001) if quantized(ms) == ms - 1]
print(f"{len(short)} of 1000 whole milliseconds become one shorter, the first are {short[:5]}")
assert len(short) == 615 and all(quantized(ms) in (ms, ms - 1) for ms in range(1, 1001)), "the behaviour has changed"
PYTHON
