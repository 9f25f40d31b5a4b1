"""Which core a measured process runs on. The standard library and nothing else: the peers import it, too."""

from __future__ import annotations

import os
from pathlib import Path


def bind_to_the_last() -> None:
    """Bind this process to the last core that it may use; no effect where the system can't."""
    if hasattr(os, "sched_getaffinity"):
        bind(max(os.sched_getaffinity(0)))


def bind(core: int) -> None:
    """Bind this process to ``core``, with the threads that it has by now; no effect where the system can't.

    ``os.sched_setaffinity(0, ...)`` binds the calling thread alone. NumPy has begun others at its import,
    which would compute on all cores: Pipecat's turn model had 6 % of a core more for it.
    """
    if not hasattr(os, "sched_setaffinity"):
        return
    for thread in Path("/proc/self/task").iterdir():
        try:
            os.sched_setaffinity(int(thread.name), {core})
        except ProcessLookupError:
            continue  # it has ended meanwhile
