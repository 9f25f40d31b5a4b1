"""The longest that a call may last: it ends then, whatever a stage, a provider or a transport does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from voicepipe.core.clock import Clock
from voicepipe.core.units import MS
from voicepipe.runtime.farewell import PATIENCE
from voicepipe.runtime.leash import Leash

T = TypeVar("T")

CLEANING_UP = 500 * MS
"""How much before its end a call is broken off, so that what lets itself be cancelled can clean up."""


class Cap:
    """Four timers on the session's clock, which ask nobody: ``warn`` is called early enough to say goodbye;
    who hasn't left by then is left where it hangs, but for the voice, which says it; then the call is
    cancelled, and at ``longest_ns`` everything on a leash is left.

    ``goodbye_ns``: from the warning on, ``leaving_ns`` of it until the voice is alone. Of a short call all of
    them take but a part.
    """

    def __init__(
        self,
        clock: Clock,
        longest_ns: int,
        *,
        goodbye_ns: int,
        leaving_ns: int = PATIENCE,
        warn: Callable[[], None],
    ) -> None:
        self.longest_ns = longest_ns
        self._clock = clock
        self._cleaning_up = min(CLEANING_UP, longest_ns // 8)
        self._goodbye = min(goodbye_ns, longest_ns // 4)
        self._leaving = min(leaving_ns, self._goodbye // 3)
        self._warn = warn
        self._scope: asyncio.Timeout | None = None
        self._leashed: list[tuple[Leash, asyncio.Task[Any] | None, bool]] = []

    def leash(self, work: Awaitable[T], *, voice: bool = False) -> Awaitable[T]:
        """``work`` to be awaited by the current task, which ends at the end of the call in any case.

        All but the ``voice`` ends before it, so that there is silence in which a goodbye is heard.
        """
        leash = Leash(work)
        self._leashed.append((leash, asyncio.current_task(), voice))
        return leash

    async def hold(self, work: Awaitable[None]) -> None:
        """Await ``work``, the whole call; returns when it is over or its time is."""
        end = self.longest_ns
        warning = end - self._cleaning_up - self._goodbye
        timers = [
            self._clock.call_at(warning, self._warn),
            self._clock.call_at(warning + self._leaving, self._let_go),
            self._clock.call_at(end - self._cleaning_up, self._cancel),
            self._clock.call_at(end, lambda: self._let_go(voice=True)),
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

    @property
    def is_over(self) -> bool:
        """Whether the call has been broken off; something in it may fail as it cleans up."""
        return self._scope is not None and self._scope.expired()

    def _cancel(self) -> None:
        assert self._scope is not None, "the call is being held"
        self._scope.reschedule(0)  # the loop's time has long passed that: it expires at once

    def _let_go(self, *, voice: bool = False) -> None:
        """Of what still hangs; ``voice``: of that, too."""
        for leash, task, speaks in self._leashed:
            if speaks and not voice:
                continue
            leash.let_go()
            if task is not None:
                task.cancel()
