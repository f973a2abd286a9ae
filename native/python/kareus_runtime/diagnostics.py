"""What can be wrong, each with a stable code: one function each. KRS50xx to KRS52xx are the shim's."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import Tuple, Type

LOG = logging.getLogger("kareus")


@dataclass(frozen=True)
class Diagnostic:
    """What is wrong, where, and what to do about it, under a code that stays."""

    code: str
    where: str
    message: str
    hint: str

    def __str__(self) -> str:
        return f"{self.code} {_visible(self.where)}: {_visible(self.message)}\n  hint: {_visible(self.hint)}"


def _visible(text: str) -> str:
    """One line in which what a name from a file could do to a terminal is written out."""
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


class PlanRefused(Exception):
    """A plan that this job cannot follow, found before step 1. The same on every rank."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(str(diagnostic))
        self.diagnostic = diagnostic

    def __reduce__(self) -> Tuple[Type[PlanRefused], Tuple[Diagnostic]]:
        return PlanRefused, (self.diagnostic,)


class ExportRefused(Exception):
    """A model that cannot be exported as it was told: the input is at fault, not the program."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(str(diagnostic))
        self.diagnostic = diagnostic


def reason_of(cause: BaseException) -> str:
    """What an exception says, in one line: the system's words, else the first of its own."""
    if isinstance(cause, OSError) and cause.strerror is not None:
        return cause.strerror
    said = str(cause).strip().splitlines()
    return f"{type(cause).__name__}: {said[0]}" if said else type(cause).__name__


def warn(diagnostic: Diagnostic) -> None:
    """Writes one warning to the logger `kareus` (standard error unless the job configures logging)."""
    LOG.warning("warning %s", diagnostic)


def unreadable_plan(path: str, reason: object) -> Diagnostic:
    return Diagnostic("KRS5301", path, f"the plan cannot be read: {reason}", "check the path")


def not_json(path: str, reason: object) -> Diagnostic:
    return Diagnostic("KRS5302", path, f"not JSON: {reason}", "take a plan that `kareus select` wrote")


def wrong_format(path: str, found: object) -> Diagnostic:
    return Diagnostic(
        "KRS5303",
        path,
        f"its format is {found!r}, not 'kareus-plan'",
        "`kareus select DIR --out plan.json` writes plans",
    )


def newer_version(path: str, found: int, known: int) -> Diagnostic:
    return Diagnostic(
        "KRS5304", path, f"version {found} is newer than {known}", "upgrade kareus_runtime"
    )


def malformed_plan(path: str, place: str, problem: str) -> Diagnostic:
    return Diagnostic(
        "KRS5305", f"{path} at {place}", problem, "take the file as `kareus select` wrote it"
    )


def impossible_order(path: str, place: str, problem: str) -> Diagnostic:
    return Diagnostic(
        "KRS5306", f"{path} at {place}", problem, "a stage runs each microbatch forward, then backward"
    )


def other_gpu(path: str, planned: str, found: object) -> Diagnostic:
    return Diagnostic(
        "KRS5310",
        path,
        f"the plan is for {planned}, this GPU is {found}",
        "plan for this GPU: `kareus optimize --gpu ...`, see `kareus devices`",
    )


def wrong_stage(path: str, stage: int, stages: int) -> Diagnostic:
    return Diagnostic(
        "KRS5311",
        path,
        f"this rank is stage {stage}, the plan has the stages 0 to {stages - 1}",
        "plan with the job's number of stages: --pp",
    )


def wrong_stage_count(path: str, found: object, stages: int) -> Diagnostic:
    return Diagnostic(
        "KRS5312",
        path,
        f"the job has {found} stages, the plan {stages}",
        "plan with the job's number of stages: --pp",
    )


def wrong_world_size(path: str, degrees: str, ranks: int, found: object) -> Diagnostic:
    return Diagnostic(
        "KRS5313",
        path,
        f"{degrees} is {ranks} ranks, the job has {found}",
        "plan with the job's degrees, or start as many ranks",
    )


def wrong_order(path: str, place: str, planned: str, found: object, way_out: str) -> Diagnostic:
    return Diagnostic(
        "KRS5314", f"{path} at {place}", f"the plan has {planned}, the job runs {found}", way_out
    )


def unknown_order(schedule: str, problem: str) -> Diagnostic:
    return Diagnostic(
        "KRS5315",
        schedule,
        f"in which order it runs is not known before it does: {problem}",
        "it is compared with the plan as it runs; pass `instructions` to check it before step 1",
    )


def no_copy_engines(path: str) -> Diagnostic:
    return Diagnostic(
        "KRS5316",
        path,
        "it leaves collectives to copy engines (sms 0), which this job is not known to do",
        "Options(copy_engines=True) where NCCL 2.28 or newer has policy ZERO and symmetric windows; "
        "else plan for a device file without copy_engine_collectives",
    )


def ranks_disagree(found: object) -> Diagnostic:
    return Diagnostic(
        "KRS5317",
        "communication_groups",
        f"ranks would make communicators of different SMs: {found}",
        "the same PyTorch on every rank, and the same `most`: NCCL checks only its own rank",
    )


def other_recomputation(path: str, planned: object, found: str) -> Diagnostic:
    return Diagnostic(
        "KRS5318",
        path,
        f"it is for --recompute {planned}, the job recomputes as {found}: its times and energies are of other work",
        f"plan with --recompute {found}",
    )


def refused_by_shim(path: str, name: str, message: str) -> Diagnostic:
    return Diagnostic(name, path, message, "plan for this GPU, with its switch_time_s")


def no_library(path: str, reason: object) -> Diagnostic:
    return Diagnostic(
        "KRS5320",
        path,
        f"libkareus cannot be used: {reason}; training goes on without it",
        "`kareus setup-runtime` builds it; KAREUS_LIBRARY names another build",
    )


def not_controlled(where: str, name: str, message: str) -> Diagnostic:
    return Diagnostic(
        name,
        where,
        f"{message}; clocks are left alone, training goes on",
        "`kareus doctor` says what is missing",
    )


def clocks_given_up(where: str, name: str, message: str) -> Diagnostic:
    return Diagnostic(
        name,
        where,
        f"{message}; clocks are left alone from here on, training goes on",
        "`kareus doctor` shows the state of the GPUs",
    )


def still_followed(where: str, name: str, message: str) -> Diagnostic:
    return Diagnostic(
        name,
        where,
        f"{message}; training goes on, and the plan with the next step",
        "run whole steps, as the plan has them",
    )


def not_closed(where: str, name: str, message: str, locks: bool) -> Diagnostic:
    if locks:
        said, hint = "the GPU's clocks may stay locked", "`kareus doctor --reset` unlocks them"
    else:
        said, hint = "no clock was locked", "`kareus doctor` shows the state of the GPUs"
    return Diagnostic(name, where, f"{message}; {said}", hint)


def not_all_recorded(where: str, name: str, message: str) -> Diagnostic:
    return Diagnostic(
        name,
        where,
        f"{message}; the last instructions are not recorded",
        "synchronize the GPU before the runtime is closed",
    )


def not_recorded(path: str, reason: object) -> Diagnostic:
    return Diagnostic(
        "KRS5330",
        path,
        f"measurements are not recorded any more: {reason}; training goes on",
        "check the folder that KAREUS_PROFILE names",
    )


def not_overlapped(name: str, problem: str) -> Diagnostic:
    return Diagnostic(
        "KRS5331",
        name,
        f"{problem}; it runs without the plan",
        "name the pieces as the plan's nodes or slots are named",
    )


def not_changed(reason: Diagnostic) -> Diagnostic:
    return Diagnostic(
        "KRS5340",
        reason.where,
        f"the job goes on as before, this cannot be followed: {reason.code} {reason.message}",
        f"{reason.hint}; replace the file in one move (`mv new.json followed.json`)",
    )


def not_followed(reason: object) -> Diagnostic:
    return Diagnostic(
        "KRS5341",
        "followed file",
        f"the plan does not change any more: {reason}; training goes on",
        "every rank makes its Runtime and runs the same steps",
    )


def behind_schedule(path: str, done: int, planned: int) -> Diagnostic:
    return Diagnostic(
        "KRS5342",
        path,
        f"{done} of {planned} iterations were done in a slot; the next slot's points are followed",
        "schedule what is left again: `kareus schedule`, and replace the file",
    )


def no_plans(path: str, reason: object) -> Diagnostic:
    return Diagnostic(
        "KRS5343",
        path,
        f"the plans of its points cannot be found: {reason}",
        "`kareus run --follow` with --plan DIR, the folder that was scheduled",
    )


def unusable_model(where: str, reason: object) -> Diagnostic:
    return Diagnostic(
        "KRS5350",
        where,
        f"no model can be made of it: {reason}",
        "give a folder with the config.json of a model of the transformers package, or FILE.py:NAME of your own function",
    )


def not_exported(where: str, reason: object) -> Diagnostic:
    return Diagnostic(
        "KRS5351", where, f"the graph cannot be written: {reason}", "`--help` shows what the export takes"
    )
