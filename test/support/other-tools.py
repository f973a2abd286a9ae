"""What Zeus and the Kareus artifact make of the files that they are given, by their own rules.

Written from the rules of ml-energy/zeus (zeus/optimizer/pipeline_frequency: common.py,
server/scheduler.py, optimizer.py) and ml-energy/kareus (kareus/scheduler: parser.py,
pipeline_comm_scheduler.py), not from our writer. Prints JSON, or fails with the reason.

  zeus-solution FILE WORLD     a PointSolution for so many ranks
  zeus-schedules FILE          a saved list of FrequencySchedule
  artifact FREQS SCHEDS CP     the pair, with activation checkpointing
"""

import ast
import json
import re
import sys


def literal(path):
    if not path.endswith(".py"):
        raise ValueError("not a Python file")
    with open(path, encoding="utf-8") as file:
        return ast.literal_eval(file.read())


def instruction_clock(item):
    name, clock = item
    if not isinstance(name, str) or isinstance(clock, bool) or int(clock) != clock:
        raise TypeError(f"not a (str, int): {item}")
    return [name, int(clock)]


def solution(path, world):
    lists = literal(path)
    if len(lists) != world:
        raise RuntimeError(f"{len(lists)} lists, {world} ranks")
    for each in lists:
        for item in each:
            if not isinstance(item, tuple):
                raise TypeError(f"not a tuple: {item}")
    return [[instruction_clock(item) for item in each] for each in lists]


def schedules(path):
    with open(path, encoding="utf-8") as file:
        entries = json.load(file)
    if sorted(each["rank"] for each in entries) != list(range(len(entries))):
        raise ValueError("not every rank once")
    return [[each["rank"], [instruction_clock(i) for i in each["frequencies"]]] for each in entries]


def setting(text):
    whole = re.match(r"^(-?\d+)-(-?\d+)-(-?\d+)-(-?\d+)$", text)
    if whole:
        return [int(group) for group in whole.groups()]
    window, sms, block = text.rsplit("-", 2)
    start, separator, end = window.partition("-")
    if not separator:
        raise ValueError(f"no start-end: {text}")
    return [start, end, int(sms), int(block)]


def stage_schedule(entries, context_parallel):
    forward, backward = (6, 13) if context_parallel else (3, 5)
    lengths = {"forward": forward, "backward": backward}
    if not isinstance(entries, list):
        raise TypeError("a stage is no list")
    for entry in entries:
        if not isinstance(entry, tuple) or len(entry) != lengths[entry[0]]:
            raise TypeError(f"not an instruction: {entry}")
    return [[entry[0], *map(setting, entry[1:])] for entry in entries]


def artifact(freqs, scheds, context_parallel):
    clocks = literal(freqs)
    stages = [stage_schedule(entries, context_parallel) for entries in literal(scheds)]
    names = [[name for name, _ in each] for each in clocks]
    if names != [[entry[0] for entry in each] for each in stages]:
        raise RuntimeError("the two files are of different iterations")
    return {"clocks": solution(freqs, len(stages)), "stages": stages}


mode, *arguments = sys.argv[1:]
if mode == "zeus-solution":
    result = solution(arguments[0], int(arguments[1]))
elif mode == "zeus-schedules":
    result = schedules(arguments[0])
else:
    result = artifact(arguments[0], arguments[1], arguments[2] == "cp")
print(json.dumps(result))
