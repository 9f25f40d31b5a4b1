"""A core of one's own, on a machine that others use as well.

An event loop whose time is the CPU time of this process and the time that it would have waited: as long as
it has something to do, its clock goes on as fast as it is worked; where it would wait, time leaps. So what is
late here was late since the process itself was busy, and 20 idle minutes take none.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

from voicepipe.core.clock import VirtualLoop, run_on

T = TypeVar("T")


class OwnCore(VirtualLoop):
    def __init__(self) -> None:
        self._began_ns = time.process_time_ns()
        super().__init__("charged")

    def now_ns(self) -> int:
        return self._leapt_ns + time.process_time_ns() - self._began_ns


def run(main: Coroutine[Any, Any, T], *, real: bool = False) -> T:
    """``main`` on a core of its own, or on the ``real`` clock, with whatever the machine has left."""
    if real:
        return run_on("real", main)
    with asyncio.Runner(loop_factory=OwnCore) as runner:
        return runner.run(main)
