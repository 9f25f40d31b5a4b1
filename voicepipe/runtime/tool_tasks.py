"""The tasks in which a session's tools run: each answers within its time, and none survives ``close``."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine
from typing import Any

from voicepipe.errors import ToolError
from voicepipe.runtime.leash import Leash

CLOSE_S = 5.0
"""How long a session that has ended waits for tools that have effects, before it cancels them."""

UNWIND_S = 0.5
"""How long it then waits for what was cancelled to come to its end."""


class ToolTasks:
    """Somebody else's code may resist its cancellation, and even then nobody waits for it for ever."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self._late: set[asyncio.Task[Any]] = set()
        """Those whose time is over; they have been cancelled."""
        self._leashes: set[Leash] = set()
        """Of somebody else's code under way."""

    def spawn(self, coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._forget)
        return task

    async def within(self, seconds: float, answer: Awaitable[Any], *, late: Exception) -> Any:
        """Await ``answer`` for so long, then cancel it and raise ``late``.

        It has a task of its own, so that one that resists its cancellation is left behind.
        """
        leash = Leash(answer)
        self._leashes.add(leash)
        task = self.spawn(_sealed(leash))
        task.add_done_callback(lambda _: self._leashes.discard(leash))
        try:
            await asyncio.wait([task], timeout=seconds)
        finally:
            task.cancel()
        if not task.done():
            self._late.add(task)
            raise late
        if task.cancelled():
            raise ToolError("it cancelled itself")
        return task.result()

    async def close(self, *, hurry: bool = False) -> None:
        """Wait a bounded time for the tools that go on, then cancel them; what resists is left behind.

        In a ``hurry`` they are cancelled at once.
        """
        try:
            if (going_on := self._tasks - self._late) and not hurry:
                await asyncio.wait(going_on, timeout=CLOSE_S)
        finally:
            for task in self._tasks:
                task.cancel()
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=UNWIND_S)
            for leash in self._leashes:
                leash.let_go()
            for task in self._tasks:
                task.cancel()
            if self._tasks:
                await asyncio.wait(self._tasks)

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        self._late.discard(task)
        if not task.cancelled():
            task.exception()  # of a tool that was left behind, nobody else will ask for it


async def _sealed(answer: Awaitable[Any]) -> Any:
    """``sys.exit()`` in somebody's tool must end the tool's call, not the event loop."""
    try:
        return await answer
    except SystemExit as error:
        raise ToolError(f"it tried to end the process: SystemExit({error})") from error
