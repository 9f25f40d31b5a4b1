"""What comes within one turn of the event loop, worked off in one go at its end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


class Together(Generic[T]):
    """Whatever is ``add``ed while the loop goes once through its callbacks is given to ``run`` right after.

    Nothing waits for more to come: who is alone is served next. There is one callback for all of them; no
    task and no future. At most ``most`` are given in a turn of the loop, so that none is long: what else is
    due comes in between, then the rest, in order. Belongs to the loop in which it was made.
    """

    def __init__(self, run: Callable[[Sequence[T]], None], most: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._run = run
        self._most = most
        self._waiting: list[T] = []
        self._due = False
        """The loop is asked for a callback."""

    def add(self, item: T) -> None:
        self._waiting.append(item)
        if not self._due:
            self._due = True
            self._loop.call_soon(self._turn)

    def flush(self) -> bool:
        """Work off the first ``most`` of what waits, at once. False: nothing waited."""
        now, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
        if now:
            self._run(now)
        return bool(now)

    def _turn(self) -> None:
        self._due = False
        try:
            self.flush()
        finally:
            if self._waiting and not self._due:
                self._due = True
                self._loop.call_soon(self._turn)
