#!/usr/bin/env python3
"""A recorder that answers what check.py measured: `kareus profile record ... --recorder replay.py`
with the arguments that the folder was made for makes a profile of it. Answers are found by the text
of their task, so that another order does no harm."""

import json
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main() -> int:
    results = Path(os.environ.get("KAREUS_GPU_CHECK", HERE / "results"))
    lines = [json.loads(line) for line in (results / "answers.jsonl").read_text().splitlines()]
    answers = {line["task"]: line for line in lines if "task" in line}
    measured = {}
    for line in (HERE / "tasks.txt").read_text().splitlines():
        _, number, text = line.split(" ", 2)
        measured[text] = answers.get(int(number))
    print(json.dumps(lines[0]), flush=True)
    for line in sys.stdin.read().splitlines():
        _, number, text = line.split(" ", 2)
        answer = measured.get(text) or {"skipped": "it was not measured"}
        print(json.dumps({**answer, "task": int(number)}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
