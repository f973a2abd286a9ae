"""The plan changes between steps: now and then all ranks stop for one look at what comes next.

Rank 0 reads (course.Course); the others learn from it, by a group of their own on the CPU, which plan is in
force and after how many steps they meet again, so that every rank changes before the same step. What they
are asked for meanwhile, the time and energy of the steps between two looks, goes into one file of rank 0.
"""

from __future__ import annotations

import time
from typing import Callable, Optional, Tuple

from . import diagnostics as krs
from . import share
from .course import Course, Look
from .ledger import Ledger
from .plan import Plan, parse_plan

# While the job waits, ranks meet at least this often: a group gives up one that is silent for long.
LONGEST_NAP_S = 60.0


class Changes:
    """Every rank has one. `course` and `ledger` are rank 0's; `accounts`, the same on all, says whether there
    is a ledger. `take` puts a plan (None: none) into force on this rank, or returns why not.
    """

    def __init__(
        self,
        course: Optional[Course],
        ledger: Optional[Ledger],
        accounts: bool,
        energy_j: Callable[[], Optional[float]],
        take: Callable[[Optional[Plan]], Optional[krs.Diagnostic]],
    ) -> None:
        self._course, self._ledger, self._accounts = course, ledger, accounts
        self._energy_j, self._take = energy_j, take
        self._group = share.group_of_cpus()
        self._plan: Optional[Plan] = None
        self._next: Optional[int] = 0
        # Steps, time and energy at the last look.
        self._mark: Optional[Tuple[int, float, Optional[float]]] = None

    def before_step(self, begun: int) -> None:
        """Changes the plan, where it is time to; `begun` steps have begun so far. Never raises."""
        if self._next is None or begun < self._next:
            return
        try:
            look = self._look(begun)
            while look.pause_s > 0:
                time.sleep(min(look.pause_s, LONGEST_NAP_S))
                self._mark = None
                look = self._look(begun)
            self._next = begun + look.steps
        except Exception as reason:  # Another rank has ended, or cannot be reached.
            self._next = None
            krs.warn(krs.not_followed(reason))

    def _look(self, begun: int) -> Look:
        self._account(begun)
        found: Optional[Look] = None
        if self._course is not None:
            try:
                found = self._course.look(begun)
            except krs.PlanRefused as refused:
                krs.warn(krs.not_changed(refused.diagnostic))
                found = self._course.look(begun)
        look: Look = share.of_first(found, self._group)
        if look.change is not None:
            path, text = look.change
            self._change(path, text)
        return look

    def _change(self, path: str, text: Optional[str]) -> None:
        """Every rank takes the plan, or none does."""
        before = self._plan
        plan, reason = None, None
        try:
            plan = None if text is None else parse_plan(text, path)
        except krs.PlanRefused as refused:
            reason = refused.diagnostic
        answers = share.of_all(reason or self._take(plan), self._group)
        refusals = [answer for answer in answers if answer is not None]
        if not refusals:
            self._plan = plan
            return
        if reason is None:
            self._take(before)
        if self._course is not None:
            krs.warn(krs.not_changed(refusals[0]))

    def _account(self, begun: int) -> None:
        """Writes down what the steps since the last look took."""
        if not self._accounts:
            return
        now, mark = (begun, time.monotonic(), self._energy_j()), self._mark
        self._mark = now
        if mark is None or begun == mark[0]:
            return
        spent = None if now[2] is None or mark[2] is None else now[2] - mark[2]
        energies = share.of_all(spent, self._group)
        if self._ledger is not None:
            energy_j = None if None in energies else sum(energies)
            self._ledger.write(mark[0], begun - mark[0], now[1] - mark[1], energy_j, self._plan)
