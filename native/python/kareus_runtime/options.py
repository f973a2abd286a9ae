"""How a runtime works with its GPU, apart from the plan: given by the job or by the environment."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Optional, Sequence, Union

from . import native

MODES = ("control", "observe", "off")


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
    def folder(self) -> Optional[str]:
        """Where measurements go; None where nothing is kept, and without a GPU to measure."""
        if self.backend_word == "dry":
            return None
        folder = self.profile or os.environ.get("KAREUS_PROFILE")
        return os.fspath(folder) if folder else None


def _word(what: str, given: Optional[str], variable: str, known: Sequence[str]) -> str:
    """A setting from its argument or the environment; the first known word by default."""
    word = given or os.environ.get(variable) or known[0]
    if word not in known:
        raise ValueError(f"{what} is {word!r}, not one of {', '.join(known)}")
    return word
