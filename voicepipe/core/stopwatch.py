"""How long something takes in the real world, for people who wait: never the time of a session."""

from __future__ import annotations

import time
from collections.abc import Callable


class Stopwatch:
    """Runs from the moment it is made. ``now_ns`` is a clock that never goes back, in nanoseconds."""

    def __init__(self, now_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self._now_ns = now_ns
        self._began_ns = now_ns()

    @property
    def elapsed_ns(self) -> int:
        return self._now_ns() - self._began_ns

    def left_ns(self, done: int, left: int) -> int | None:
        """How long ``left`` more take, if they take as long as the ``done`` did; None before the first."""
        return self.elapsed_ns * left // done if done else None
