"""Connections that stay open between two calls of a session, so that the next one needn't wait for a new one.

A TLS connection and the upgrade to a WebSocket cost three to four round trips. A provider isn't told when a
session ends, so what bounds the pool is how long a connection may rest, and how many may.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from voicepipe.core.beside import Beside
from voicepipe.core.units import SECOND

MOST_RESTING = 64
"""More than callers who pause at a time on one core; beyond it the one that rested longest is closed."""


@dataclass(slots=True, eq=False)
class Pooled:
    """One connection. ``session``: whose it is; None until it was used. ``at`` and ``last`` are for whoever
    takes it: how far it came, and what it heard of last."""

    socket: Any
    opened: float
    """In the time of the event loop."""
    session: str | None = None
    at: int = 0
    last: str = ""
    rest: Beside[None] = field(default_factory=Beside)


class SocketPool:
    """``take`` a connection, then ``give_back`` it if another call can go on with it, or else ``drop`` it.

    A session gets only its own ones: what a recogniser has heard of one caller mustn't colour the words of
    another. ``keep_ns``: how long a connection rests before it is closed; 0 means that none does.
    ``keep_alive`` is sent every ``every_s`` seconds of rest, ``goodbye`` before it is closed. From the age of
    ``oldest_ns`` on a connection isn't used again.
    """

    def __init__(
        self,
        open: Callable[[], Awaitable[Any]],
        *,
        keep_ns: int,
        keep_alive: str | None = None,
        every_s: float = 4.0,
        goodbye: str | None = None,
        oldest_ns: int | None = None,
        most: int = MOST_RESTING,
    ) -> None:
        self._open = open
        self._keep_s = keep_ns / SECOND
        self._keep_alive = keep_alive
        self._every_s = every_s
        self._goodbye = goodbye
        self._oldest_s = float("inf") if oldest_ns is None else oldest_ns / SECOND
        self._most = most
        self._resting: list[Pooled] = []
        self._lent: set[Pooled] = set()
        self._closed = False

    @property
    def size(self) -> int:
        """How many connections are open, resting or in use."""
        return len(self._resting) + len(self._lent)

    async def take(self, session: str) -> Pooled:
        """A connection for ``session``. Raises what ``open`` raises."""
        while pooled := self._find(session):
            self._resting.remove(pooled)
            self._lent.add(pooled)
            await pooled.rest.stop()
            if pooled.socket.state.name == "OPEN":
                pooled.session = session
                return pooled
            await self.drop(pooled)  # the server has closed it meanwhile
        pooled = Pooled(await self._open(), _now(), session)
        self._lent.add(pooled)
        return pooled

    async def prepare(self) -> None:
        """Open a connection for whoever comes first, or at least try it. Raises what ``open`` raises."""
        await self.give_back(Pooled(await self._open(), _now()))

    async def give_back(self, pooled: Pooled) -> None:
        """Nothing more of the call that is over will come on it."""
        fresh = _now() - pooled.opened < self._oldest_s
        if self._closed or not self._keep_s or not fresh or pooled.socket.state.name != "OPEN":
            await self.drop(pooled)
            return
        self._lent.discard(pooled)
        self._resting.append(pooled)
        pooled.rest.start(self._keep(pooled))
        if len(self._resting) > self._most:
            await self.drop(self._resting[0])

    async def drop(self, pooled: Pooled) -> None:
        """Close it. It is told to stop, and cut off if it doesn't answer."""
        self._lent.discard(pooled)
        if pooled in self._resting:
            self._resting.remove(pooled)
        await pooled.rest.stop()
        await self._bid_goodbye(pooled)

    async def close(self) -> None:
        """Close all of them, those in use as well."""
        self._closed = True
        async with asyncio.TaskGroup() as group:
            for pooled in [*self._resting, *self._lent]:
                group.create_task(self.drop(pooled))

    def _find(self, session: str) -> Pooled | None:
        """The one that rested least, since the server is least tired of it; or one that nobody has used."""
        own = [pooled for pooled in self._resting if pooled.session == session]
        return own[-1] if own else next((one for one in self._resting if one.session is None), None)

    async def _keep(self, pooled: Pooled) -> None:
        """Read on, and keep the server's patience, until nobody has wanted the connection for long."""
        until = _now() + self._keep_s
        try:
            while (now := _now()) < until:
                try:
                    async with asyncio.timeout_at(min(until, now + self._every_s)):
                        await pooled.socket.recv()
                except TimeoutError:
                    if self._keep_alive is not None:
                        await pooled.socket.send(self._keep_alive)
        except Exception as error:
            if not _is_closed(error):
                raise
        await self._bid_goodbye(pooled)
        if pooled in self._resting:
            self._resting.remove(pooled)

    async def _bid_goodbye(self, pooled: Pooled) -> None:
        try:
            if self._goodbye is not None:
                await pooled.socket.send(self._goodbye)
        except Exception as error:
            if not _is_closed(error):
                raise
        await pooled.socket.close()


def _now() -> float:
    return asyncio.get_running_loop().time()


def _is_closed(error: Exception) -> bool:
    from websockets.exceptions import ConnectionClosed  # noqa: PLC0415 - 100 ms; there is a socket, so it's there

    return isinstance(error, ConnectionClosed)
