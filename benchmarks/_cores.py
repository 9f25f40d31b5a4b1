"""Which core a measured process runs on. Linux; elsewhere it has no effect."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def bound(core: int | None) -> Iterator[None]:
    """Processes that are begun meanwhile run on ``core`` from their first instruction on; None: anywhere.

    A process that binds itself does so too late: NumPy has begun a thread for each core at its import. Those
    compute on all cores (Pipecat's turn model took 6 % of a second one), or, bound afterwards, wait for each
    other on one, busily.
    """
    if core is None or not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def first() -> int | None:
    """The first core that this process may use, which is the last one, too, where there is but one."""
    return min(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None


def last() -> int | None:
    """The last core that this process may use."""
    return max(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
