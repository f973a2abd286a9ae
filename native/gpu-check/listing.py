#!/usr/bin/env python3
"""A recorder that measures nothing: it writes its work lists down in $KAREUS_TASKS."""

import json
import os
import sys

print(json.dumps({"gpu": "", "driver": "", "sm_count": 1}), flush=True)
with open(os.environ["KAREUS_TASKS"], "a", encoding="utf-8") as file:
    for line in sys.stdin:
        file.write(line)
        print(json.dumps({"task": int(line.split()[1]), "skipped": "only listed"}), flush=True)
