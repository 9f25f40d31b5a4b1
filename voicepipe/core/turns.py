"""Two turn ids: ``live`` may be heard, ``draft`` is being prepared. Everything else is dead.

All four transitions are synchronous. They invalidate in O(1), cancel the scopes of what they kill, and
wake whoever is blocked on a frame of a turn that died, so that it looks again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType


class Turns:
    """Who may be heard. Only the turn stage calls the transitions."""

    def __init__(self) -> None:
        self.live: int | None = None
        self.draft: int | None = None
        self.changes = 0
        """Transitions so far: who has looked at the same number of them needn't look again."""
        self._last = 0
        self._watchers: list[Callable[[], None]] = []
        # Keys only. The order of a set would differ between runs, and with it what runs first.
        self._scopes: dict[int, dict[Turn, None]] = {}
        self._waiting: dict[asyncio.Future[None], None] = {}

    def alive(self, turn: int) -> bool:
        return turn in (self.live, self.draft)

    def prepare(self) -> int:
        """Start a draft and kill the previous one; its id is returned."""
        previous = self.draft
        self._last += 1
        self.draft = self._last
        self._changed(previous)
        return self._last

    def commit(self) -> int:
        """Make the draft live. A reply that was live is dead from here on."""
        if self.draft is None:
            raise RuntimeError("commit() without a draft: call prepare() first")
        previous, self.live, self.draft = self.live, self.draft, None
        self._changed(previous)
        return self.live

    def discard(self) -> None:
        """Kill the draft, if there is one."""
        previous, self.draft = self.draft, None
        self._changed(previous)

    def interrupt(self) -> None:
        """Kill the live reply, if there is one (also when it has simply come to its end)."""
        previous, self.live = self.live, None
        self._changed(previous)

    def scope(self, turn: int) -> Turn:
        """``async with turns.scope(turn):`` – the body is cancelled when the turn dies."""
        return Turn(self, turn)

    async def settled(self, turn: int) -> bool:
        """Wait until ``turn`` is live (True) or dead (False)."""
        while turn == self.draft:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting[waiter] = None
            try:
                await waiter
            finally:
                del self._waiting[waiter]
        return turn == self.live

    def watch(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` after each transition; it must not block and must not call a transition."""
        self._watchers.append(callback)

    def _changed(self, died: int | None) -> None:
        self.changes += 1
        if died is not None:
            for scope in tuple(self._scopes.pop(died, ())):
                scope._kill()
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)
        for callback in self._watchers:
            callback()


class Turn:
    """A cancel scope whose deadline is "this turn died"; made by ``Turns.scope``.

    It swallows only the cancellation that it caused itself. After the block, ``died`` tells whether
    the body was cut short.
    """

    def __init__(self, turns: Turns, turn: int) -> None:
        self.id = turn
        self.died = False
        self._turns = turns
        self._task: asyncio.Task[object] | None = None
        self._cancelling = 0

    async def committed(self) -> None:
        """Return at the commit. If the turn dies instead, this raises ``CancelledError``.

        The scope's own cancellation may take several steps to reach a task further down in its tree.
        """
        if not await self._turns.settled(self.id):
            raise asyncio.CancelledError

    async def __aenter__(self) -> Turn:
        self._task = asyncio.current_task()
        if self._task is None:
            raise RuntimeError("a turn's scope must be entered in a task")
        self._cancelling = self._task.cancelling()
        if self._turns.alive(self.id):
            self._turns._scopes.setdefault(self.id, {})[self] = None
        else:
            self._kill()
        return self

    def _kill(self) -> None:
        self.died = True
        if self._task is not None:
            self._task.cancel()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        scopes = self._turns._scopes.get(self.id)
        if scopes is not None:
            scopes.pop(self, None)
            if not scopes:
                del self._turns._scopes[self.id]
        if not self.died:
            return None
        assert self._task is not None
        cancelled = isinstance(error, asyncio.CancelledError)
        if not cancelled:
            # The body ended by itself in the same step in which the turn died (it may have killed the
            # turn). The cancellation is still under way and would hit the next await outside.
            try:
                await asyncio.sleep(0)
            except asyncio.CancelledError:
                pass
        if self._task.uncancel() <= self._cancelling:
            return cancelled
        # Somebody else cancelled the task, too, and theirs goes on.
        if error is None:
            raise asyncio.CancelledError
        if not cancelled:
            self._task.uncancel()
            self._task.cancel()  # the error comes first, their cancellation at the next await
        return None
