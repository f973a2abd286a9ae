#!/usr/bin/env python3
"""Everything that only a GPU can show, the most important first, within a time limit.

Needs Python and the driver; what needs torch is passed over without. Run it again to go on where it
stopped: what was found stays in the results folder, and only what failed or was not reached runs again.

Exit codes: 0 all well, 1 a check failed or was not reached, 77 there is no GPU.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import stages

HERE = Path(__file__).resolve().parent
NO_GPU = 77


class Results:
    """What was found so far: one JSON object a line, on the disk as soon as it is known."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._path = folder / "results.jsonl"
        self.found: dict[str, dict] = {}
        if self._path.exists():
            for line in self._path.read_text().splitlines():
                entry = json.loads(line)
                self.found[entry["stage"]] = entry

    def passed(self, stage: str) -> bool:
        return self.found.get(stage, {}).get("outcome") == "ok"

    def add(self, stage: str, outcome: str, checks: list[stages.Check], took_s: float) -> None:
        entry = {"stage": stage, "outcome": outcome, "took_s": round(took_s, 1)}
        entry["checks"] = [check.__dict__ for check in checks]
        self.found[stage] = entry
        with open(self._path, "a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")


def run_stage(stage: stages.Stage, rig: stages.Rig, results: Results) -> None:
    """Runs one stage and notes what came of it; trouble of any kind is a failed check."""
    print(f"\n{stage.name}: {stage.about}", flush=True)
    started_s = time.monotonic()
    checks: list[stages.Check] = []
    outcome = "ok"
    try:
        for check in stage.run(rig):
            checks.append(check)
            print(f"  {'ok    ' if check.holds else 'FAILED'} {check.what} ({check.seen})", flush=True)
        if not all(check.holds for check in checks):
            outcome = "failed"
    except stages.PassedOver as reason:
        outcome = "passed over"
        checks.append(stages.Check("it can run here", True, str(reason)))
        print(f"  passed over: {reason}", flush=True)
    except stages.NotReached as reason:
        outcome = "not reached"
        print(f"  not reached: {reason}", flush=True)
    except Exception as error:  # noqa: BLE001  (the next stage may still say something)
        outcome = "failed"
        checks.append(stages.Check("it ran to its end", False, repr(error)[:300]))
        print(f"  FAILED {error!r}", flush=True)
    results.add(stage.name, outcome, checks, time.monotonic() - started_s)


def summary(results: Results) -> int:
    """Prints and writes what came of every stage; the exit code."""
    print("\nsummary")
    outcomes = []
    for stage in stages.STAGES:
        entry = results.found.get(stage.name, {"outcome": "not reached", "checks": []})
        outcomes.append(entry["outcome"])
        seen = "; ".join(f"{check['what']}: {check['seen']}" for check in entry["checks"])
        print(f"  {entry['outcome']:12} {stage.name:12} {seen}")
    (results.folder / "summary.json").write_text(json.dumps(results.found, indent=1) + "\n")
    return 0 if all(outcome in ("ok", "passed over") for outcome in outcomes) else 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=HERE / "results")
    parser.add_argument("--limit-s", type=float, default=480)
    parser.add_argument("--recorder", help="another recorder than the one in this folder")
    args = parser.parse_args()
    results = Results(args.out)
    rig = stages.Rig(HERE, args.out, args.recorder, time.monotonic() + args.limit_s)
    greeting = rig.greeting()
    if greeting is None:
        print("no GPU: nothing was checked")
        return NO_GPU
    print(f"{greeting['gpu']}, driver {greeting['driver']}, {greeting['sm_count']} SMs")
    for stage in stages.STAGES:
        if results.passed(stage.name):
            print(f"\n{stage.name}: found ok before")
        else:
            run_stage(stage, rig, results)
    return summary(results)


if __name__ == "__main__":
    sys.exit(main())
