"""How many cores there are for this process."""

from __future__ import annotations

import os


def cores() -> int:
    """Those that this process may use, where the system tells (Linux), or else all."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1
