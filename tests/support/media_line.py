"""A media stream's connection without a network: two ends in memory, on whatever clock the loop has."""

from __future__ import annotations

import asyncio
from collections import deque

from voicepipe.core.clock import Clock


class LineEnd:
    """One end, a ``Socket``. What is sent arrives at the other one after ``way_ns``, in order."""

    def __init__(self, clock: Clock, way_ns: int = 0) -> None:
        self.way_ns = way_ns
        self.other: LineEnd | None = None
        self.sent: list[str] = []
        self.lying = 0
        """What ``unsent`` tells."""
        self._clock = clock
        self._arrived: deque[bytes | str | None] = deque()
        self._reader: asyncio.Future[None] | None = None
        self._under_way: deque[bytes] = deque()
        self._over = False

    async def receive(self) -> bytes | str | None:
        while not self._arrived:
            if self._over:
                return None
            self._reader = asyncio.get_running_loop().create_future()
            await self._reader
        message = self._arrived.popleft()
        self._over = self._over or message is None
        return message

    def send(self, message: str) -> None:
        if self._over:
            return
        self.sent.append(message)
        if self.other is not None:
            self._pass_on(self.other, message.encode())

    def unsent(self) -> int:
        return self.lying

    def abort(self) -> None:
        self.arrive(None)
        if self.other is not None:
            self.other.arrive(None)

    def arrive(self, message: bytes | str | None) -> None:
        """``message`` has come; None: the connection has ended."""
        self._arrived.append(message)
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    def _pass_on(self, other: LineEnd, message: bytes) -> None:
        if self.way_ns == 0:
            other.arrive(message)
        else:
            # Timers of the same time ring in any order, so each takes whatever was sent first.
            self._under_way.append(message)
            self._clock.call_at(
                self._clock.now() + self.way_ns, lambda: other.arrive(self._under_way.popleft())
            )


def a_line(clock: Clock, way_ns: int = 0) -> tuple[LineEnd, LineEnd]:
    """Both ends: the agent's, and the carrier's."""
    agent, carrier = LineEnd(clock, way_ns), LineEnd(clock, way_ns)
    agent.other, carrier.other = carrier, agent
    return agent, carrier
