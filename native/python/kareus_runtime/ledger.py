"""What steps took, a line for those between two looks: `kareus run --learn` compares them."""

from __future__ import annotations

import json
import os
from typing import Any, Optional

from . import __version__
from . import diagnostics as krs
from .plan import Plan

FORMAT, VERSION = "kareus-steps", 1


class Ledger:
    """One file of rank 0. `source` is that of the energies, as in a profile; `ranks` have one GPU each."""

    def __init__(self, path: str, plan: Plan, ranks: Optional[int], source: str) -> None:
        self._path, self._gave_up = path, False
        self._append(
            {
                "format": FORMAT,
                "version": VERSION,
                "tool": f"kareus_runtime {__version__}",
                "graph": plan.graph,
                "gpu": plan.gpu,
                "ranks": ranks or 1,
                "source": source,
            }
        )

    def write(
        self, first: int, steps: int, time_s: float, energy_j: Optional[float], plan: Optional[Plan]
    ) -> None:
        """Appends what `steps` steps from `first` on took, of all ranks' GPUs; no plan: own clocks."""
        self._append(
            {
                "first": first,
                "steps": steps,
                "time_s": time_s,
                "energy_j": energy_j,
                "plan": plan and plan.path,
                "point": plan and plan.point,
            }
        )

    def _append(self, line: Any) -> None:
        if self._gave_up:
            return
        try:
            os.makedirs(os.path.dirname(self._path) or ".", exist_ok=True)
            with open(self._path, "a", encoding="utf-8") as file:
                file.write(f"{json.dumps(line)}\n")
        except OSError as reason:
            self._gave_up = True
            krs.warn(krs.not_recorded(self._path, reason))
