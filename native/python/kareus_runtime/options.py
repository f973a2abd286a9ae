"""How a runtime works with its GPU, apart from the plan: given by the job or by the environment."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Optional, Sequence, Union

from . import native

MODES = ("control", "observe", "off")
# A look costs two messages between all ranks.
LOOK_S = 2.0


@dataclass(frozen=True)
class Options:
    """What a job may say of its runtime; each field that is None comes from the environment.

    Raises ValueError where a word is not one of the known ones.
    """

    mode: Optional[str] = None
    """`control` changes clocks, `observe` leaves them alone, `off` does nothing ($KAREUS_MODE)."""

    backend: Optional[str] = None
    """`nvml`, `zeusd` or `dry`, which touches no GPU ($KAREUS_BACKEND)."""

    device: Union[str, int, None] = None
    """The GPU's UUID, PCI bus id or NVML index; None is torch's current one."""

    profile: Union[str, os.PathLike[str], None] = None
    """The folder that takes what was measured ($KAREUS_PROFILE); without one nothing is kept."""

    synchronous: bool = False
    """Whether a boundary waits until the clock has changed. This is for tests, not for training."""

    copy_engines: Optional[bool] = None
    """Whether the job's collectives run on copy engines where a plan gives them no SM ($KAREUS_COPY_ENGINES)."""

    follow: Union[str, os.PathLike[str], None] = None
    """A plan or schedule that says what is in force, looked at while the job runs ($KAREUS_FOLLOW)."""

    plans: Union[str, os.PathLike[str], None] = None
    """The folder of the frontier whose points a followed schedule names ($KAREUS_PLANS)."""

    steps: Union[str, os.PathLike[str], None] = None
    """The file that takes what steps took ($KAREUS_STEPS); without one it is not written down."""

    look_s: Optional[float] = None
    """About how long lies between two looks at what is followed ($KAREUS_LOOK_S, 2)."""

    @property
    def has_copy_engines(self) -> bool:
        """The same, from its field or the environment; not by default."""
        if self.copy_engines is not None:
            return self.copy_engines
        return os.environ.get("KAREUS_COPY_ENGINES", "") not in ("", "0")

    @property
    def mode_word(self) -> str:
        """The mode, from its field or the environment; `control` by default."""
        return _word("mode", self.mode, "KAREUS_MODE", MODES)

    @property
    def backend_word(self) -> str:
        """The backend, from its field or the environment; `nvml` by default."""
        return _word("backend", self.backend, "KAREUS_BACKEND", native.BACKENDS)

    @property
    def followed(self) -> Optional[str]:
        """The file that says what is in force; None: the plan is, for the whole job."""
        return _path(self.follow, "KAREUS_FOLLOW")

    @property
    def plans_folder(self) -> Optional[str]:
        """Where the plans of a schedule's points are."""
        return _path(self.plans, "KAREUS_PLANS")

    @property
    def steps_file(self) -> Optional[str]:
        """What steps took goes here; None: nowhere."""
        return _path(self.steps, "KAREUS_STEPS")

    @property
    def looks_every_s(self) -> float:
        """About how long lies between two looks."""
        if self.look_s is not None:
            return self.look_s
        return float(os.environ.get("KAREUS_LOOK_S") or LOOK_S)

    @property
    def ranks_folder(self) -> Optional[str]:
        """Where every rank leaves a file of its number, for who started the job to see that it is there."""
        return _path(None, "KAREUS_RANKS")

    @property
    def folder(self) -> Optional[str]:
        """Where measurements go; None where nothing is kept, and without a GPU to measure."""
        if self.backend_word == "dry":
            return None
        return _path(self.profile, "KAREUS_PROFILE")


def _path(given: Union[str, os.PathLike[str], None], variable: str) -> Optional[str]:
    """A file or folder from its argument or the environment."""
    path = given or os.environ.get(variable)
    return os.fspath(path) if path else None


def _word(what: str, given: Optional[str], variable: str, known: Sequence[str]) -> str:
    """A setting from its argument or the environment; the first known word by default."""
    word = given or os.environ.get(variable) or known[0]
    if word not in known:
        raise ValueError(f"{what} is {word!r}, not one of {', '.join(known)}")
    return word
