"""What comes within one turn of the event loop, worked off in one go at its end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


class Together(Generic[T]):
    """Whatever is ``add``ed while the loop goes once through its callbacks is given to ``run`` right after.

    Nothing waits for more to come: who is alone is served next. There is one callback for all of them; no
    task and no future. At most ``most`` are given at a time. Belongs to the loop in which it was made.
    """

    def __init__(self, run: Callable[[Sequence[T]], None], most: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._run = run
        self._most = most
        self._waiting: list[T] = []

    def add(self, item: T) -> None:
        if not self._waiting:
            self._loop.call_soon(self.flush)
        self._waiting.append(item)

    def flush(self) -> None:
        """Work off what waits, at once."""
        waiting, self._waiting = self._waiting, []
        for start in range(0, len(waiting), self._most):
            self._run(waiting[start : start + self._most])
