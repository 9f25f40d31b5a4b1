"""One coroutine that runs beside its owner, and never outlives it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Beside(Generic[T]):
    """At most one piece of work that goes on while its owner does something else.

    It is for an async generator that must not stop reading, such as a recogniser that decodes while the
    caller speaks; a ``TaskGroup`` can't be open across a ``yield``. The owner calls ``stop`` in a
    ``finally``.
    """

    def __init__(self) -> None:
        self._task: asyncio.Task[T] | None = None
        self._stopping = False

    @property
    def busy(self) -> bool:
        """Work was started, and its result hasn't been taken."""
        return self._task is not None

    @property
    def ready(self) -> bool:
        """``take`` would return, or raise, at once."""
        return self._task is not None and self._task.done()

    def start(self, work: Coroutine[Any, Any, T]) -> None:
        """Begin ``work``; raises ``RuntimeError`` if there is some already."""
        if self._task is not None:
            work.close()
            raise RuntimeError("the result of the work before has not been taken")
        self._task = asyncio.create_task(work)

    async def take(self) -> T:
        """Wait for the work and return what it returned, or raise what it raised.

        Cancelling the wait cancels the work.
        """
        if self._task is None:
            raise RuntimeError("no work was started")
        try:
            return await self._task
        finally:
            self._task = None

    async def wait(self) -> None:
        """Wait until the work is over, and raise what it raised; its result can be taken still.

        As many as like may wait, and cancelling a wait leaves the work alone. Returns at once without work,
        and when the work has been stopped.
        """
        task = self._task
        if task is None:
            return
        await asyncio.wait([task])
        if not task.cancelled():
            task.result()

    async def stop(self) -> None:
        """Cancel the work, wait until it has gone, and forget its result. Without work it does nothing.

        Several may call it: it is cancelled once, so that it can clean up in peace, and all of them wait.
        """
        task = self._task
        if task is None:
            return
        if not self._stopping:
            self._stopping = True
            task.cancel()
        try:
            await asyncio.wait([task])
        finally:
            if self._task is task:
                self._task, self._stopping = None, False
        if not task.cancelled():
            task.exception()  # marks it as seen: the owner no longer cares how it ended
