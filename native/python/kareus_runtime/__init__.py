"""Follows a kareus plan in a PyTorch training job: clocks, launch points and SMs."""

__version__ = "0.1.0"

from .diagnostics import Diagnostic, PlanRefused  # noqa: E402
from .groups import Groups, communication_groups  # noqa: E402
from .options import Options  # noqa: E402
from .plan import Plan, PlannedPartition  # noqa: E402
from .runtime import Runtime  # noqa: E402

__all__ = [
    "Diagnostic",
    "Groups",
    "Options",
    "Plan",
    "PlanRefused",
    "PlannedPartition",
    "Runtime",
    "communication_groups",
]
