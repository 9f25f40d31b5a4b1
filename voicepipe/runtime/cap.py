"""The longest that a call may last: it ends then, whatever a stage, a provider or a transport does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from voicepipe.core.clock import Clock
from voicepipe.core.units import MS
from voicepipe.runtime.leash import Leash

T = TypeVar("T")

CLEANING_UP = 500 * MS
"""How much before its end a call is broken off, so that what lets itself be cancelled can clean up."""


class Cap:
    """Three timers on the session's clock, which ask nobody: ``warn`` is called early enough to say goodbye,
    then the call is cancelled, and at ``longest_ns`` everything on a leash is left where it hangs.

    ``goodbye_ns``: what the warning needs. Of a short call neither takes more than a part.
    """

    def __init__(self, clock: Clock, longest_ns: int, *, goodbye_ns: int, warn: Callable[[], None]) -> None:
        self.longest_ns = longest_ns
        self._clock = clock
        self._cleaning_up = min(CLEANING_UP, longest_ns // 8)
        self._goodbye = min(goodbye_ns, longest_ns // 4)
        self._warn = warn
        self._scope: asyncio.Timeout | None = None
        self._leashed: list[tuple[Leash, asyncio.Task[Any] | None]] = []

    def leash(self, work: Awaitable[T]) -> Awaitable[T]:
        """``work`` to be awaited by the current task, which ends at the end of the call in any case."""
        leash = Leash(work)
        self._leashed.append((leash, asyncio.current_task()))
        return leash

    async def hold(self, work: Awaitable[None]) -> None:
        """Await ``work``, the whole call; returns when it is over or its time is."""
        end = self.longest_ns
        timers = [
            self._clock.call_at(end - self._cleaning_up - self._goodbye, self._warn),
            self._clock.call_at(end - self._cleaning_up, self._cancel),
            self._clock.call_at(end, self._let_go),
        ]
        try:
            async with asyncio.timeout(None) as scope:
                self._scope = scope
                await work
        except TimeoutError:
            if not scope.expired():
                raise
        finally:
            for timer in timers:
                timer.cancel()

    def _cancel(self) -> None:
        assert self._scope is not None, "the call is being held"
        self._scope.reschedule(0)  # the loop's time has long passed that: it expires at once

    def _let_go(self) -> None:
        for leash, task in self._leashed:
            leash.let_go()
            if task is not None:
                task.cancel()
