"""What runs in worker threads when the process wants to end."""

from __future__ import annotations

import atexit
import threading
from types import TracebackType

GRACE_S = 2.0
"""How long the end of the process waits for jobs: longer than most decodes, short for who hangs up."""


class UnderWay:
    """Counts the jobs that run: ``with UNDER_WAY: fn()``.

    A daemon thread that comes back from C++ while the interpreter goes away is killed inside of that code,
    and takes the process with it: it would abort after all had gone well. So the end waits for such jobs,
    but not for one that hangs.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._jobs = 0

    def __enter__(self) -> None:
        with self._changed:
            self._jobs += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changed:
            self._jobs -= 1
            self._changed.notify_all()

    def wait(self, timeout_s: float = GRACE_S) -> bool:
        """Wait until no job runs; False if one still does."""
        with self._changed:
            return self._changed.wait_for(lambda: self._jobs == 0, timeout_s)


UNDER_WAY = UnderWay()
atexit.register(UNDER_WAY.wait)
