"""Process groups whose collectives take as many SMs as a plan gives them.

NCCL runs one thread block (CTA) per channel, each on an SM of its own, and fixes their number when a
communicator is made. So there is one communicator per number of SMs, and as each costs memory, plans
with many numbers are rounded to a few. PyTorch passes the number on since its
`ProcessGroupNCCL.Options` have a `config` (2.1). Where they have not, and for other backends, there
is one group for all; then only the environment can limit NCCL, for the whole job:
NCCL_MAX_CTAS (NCCL 2.17 or newer) or NCCL_MAX_NCHANNELS, set before the first collective. Sends and
receives have NCCL_MAX_P2P_NCHANNELS, for the whole job. NCCL 2.31 takes a number with each call
(ncclCollConfig_t), which PyTorch 2.13 does not pass on.
"""

from __future__ import annotations

import os
from typing import Any, Dict, Iterable, List, Mapping, Sequence

from . import diagnostics as krs
from . import share
from .plan import Plan

MOST_GROUPS = 4


class Groups:
    """One process group per number of SMs, of the ranks that this rank communicates with."""

    def __init__(self, groups: Mapping[int, Any], levels: Sequence[int]) -> None:
        self._groups, self._levels = groups, levels

    def of(self, sms: int) -> Any:
        """Returns the group for a planned number of SMs; 0 (the copy engine does it) is as good as any."""
        return self._groups[nearest(self._levels, sms)]


def levels_of(sms: Iterable[int], most: int = MOST_GROUPS) -> List[int]:
    """Returns at most `most` of the numbers, smallest and largest among them, spread over the rest."""
    known = sorted({value for value in sms if value > 0}) or [0]
    if len(known) <= most:
        return known
    if most == 1:
        return [known[-1]]
    steps = (len(known) - 1) / (most - 1)
    return [known[round(place * steps)] for place in range(most)]


def nearest(levels: Sequence[int], sms: int) -> int:
    """Returns the level at the least ratio to a number of SMs; between two equal ones the smaller."""
    if sms <= 0:
        return levels[-1]
    return min(levels, key=lambda level: max(level / sms, sms / level) if level > 0 else 1)


def communication_groups(
    plan: Plan, ranks: Sequence[Sequence[int]], dist: Any, most: int = MOST_GROUPS
) -> Groups:
    """Makes the groups; every rank must call it alike.

    `ranks` lists the ranks of every group of the job, `dist` is torch.distributed, `most` how many
    communicators each group of ranks may have. NCCL checks a communicator's CTAs on its own rank alone,
    and hangs where ranks differ: so that they agree is checked here. Raises PlanRefused: KRS5317.
    """
    levels = levels_of(plan.sms, most)
    nccl = dist.get_backend() == "nccl"
    limited = nccl and options_for(dist, levels[0]) is not None
    share.same_on_every_rank((list(levels), limited), krs.ranks_disagree)
    if nccl and not limited:
        for name in ("NCCL_MAX_CTAS", "NCCL_MAX_NCHANNELS"):
            os.environ.setdefault(name, str(levels[-1]))
    mine: Dict[int, Any] = {}
    own = dist.get_rank()
    for members in ranks:
        made = None
        for level in levels:
            if made is None or limited:
                options = options_for(dist, level) if limited else None
                made = dist.new_group(members, **({"pg_options": options} if options else {}))
            if own in members:
                mine[level] = made
    return Groups(mine, levels)


def limit_point_to_point(plan: Plan) -> None:
    """Gives sends and receives the most SMs that the plan gives any; to be called before the first."""
    if plan.point_to_point_sms:
        os.environ.setdefault("NCCL_MAX_P2P_NCHANNELS", str(max(1, plan.point_to_point_sms[-1])))


def options_for(dist: Any, sms: int) -> Any:
    """Returns NCCL's options for a number of SMs; None where this PyTorch cannot pass it on."""
    kind = getattr(getattr(dist, "ProcessGroupNCCL", None), "Options", None)
    options = None if kind is None else kind()
    config = getattr(options, "config", None)
    if config is None or not hasattr(config, "max_ctas"):
        return None
    if sms > 0:
        config.min_ctas = config.max_ctas = sms
    return options
