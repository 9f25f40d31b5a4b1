"""One utterance over a WebSocket: its audio goes out while answers come in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

from voicepipe.core.beside import Beside
from voicepipe.core.frames import Pcm

MOST_HELD_S = 10
"""Audio that is read before there is a connection. It takes 5 s at most to get one, or not to."""

PIECE_S = 0.25
"""The longest message, in seconds of audio: vendors recommend 20 to 250 ms."""


class Exchange:
    """Reads ``audio`` (int16 at ``rate``) from ``begin`` on, and sends it as soon as there is a socket.

    Each block is sent as what ``encode`` makes of it; ``ending`` follows when the audio is over.
    While the caller speaks nothing need come back, but then ``keep_alive`` is sent every ``every_s`` seconds;
    after the audio ``patience_s`` is the longest wait for an answer. Close it in a ``finally``.
    """

    def __init__(
        self,
        audio: AsyncIterator[Pcm],
        *,
        rate: int,
        encode: Callable[[Pcm], bytes | str],
        ending: str,
        patience_s: float,
        keep_alive: str | None = None,
        every_s: float = 4.0,
    ) -> None:
        self.samples = 0
        """How many were sent."""
        self.over = False
        """All audio was sent, and ``ending`` after it; or sending has failed."""
        self.exhausted = False
        """The audio is over, and the patience as well."""
        self._audio = audio
        self._encode = encode
        self._ending = ending
        self._patience_s = patience_s
        self._keep_alive = keep_alive
        self._every_s = every_s
        self._most_held = MOST_HELD_S * rate
        self._piece = int(PIECE_S * rate)
        self._held: list[Pcm] = []
        self._socket: Any = None
        self._attached = asyncio.Event()
        self._in_order = asyncio.Lock()
        self._sending: Beside[None] = Beside()
        self._waiting: asyncio.Timeout | None = None

    async def begin(self) -> bool:
        """Start to read; False if there is no audio at all."""
        async for block in self._audio:
            if block.size:
                self._held.append(block)
                self._sending.start(self._send())
                return True
        return False

    async def attach(self, socket: Any) -> None:
        """From now on audio is sent to ``socket``, that which was read meanwhile at once."""
        self._socket = socket
        self._attached.set()
        await self._flush()

    async def receive(self) -> bytes | str | None:
        """The next message; None once as soon as ``over``, and where ``exhausted``.

        Raises what the socket or the audio raise.
        """
        loop = asyncio.get_running_loop()
        while True:
            if self._sending.ready:
                await self._sending.take()
                return None
            wait = self._patience_s if self.over else self._every_s
            try:
                async with asyncio.timeout_at(loop.time() + wait) as self._waiting:
                    message: bytes | str = await self._socket.recv()
                    return message
            except TimeoutError:
                if self._socket.state.name != "OPEN":
                    self._socket.transport.abort()  # the server said goodbye, but doesn't hang up
                elif self.over and not self._sending.busy:
                    self.exhausted = True
                    return None
                elif not self.over and self._keep_alive is not None:
                    await self._socket.send(self._keep_alive)
            finally:
                self._waiting = None

    async def close(self) -> None:
        """Read and send no more."""
        await self._sending.stop()

    async def _send(self) -> None:
        try:
            async for block in self._audio:
                if not block.size:  # an empty message ends some vendors' streams
                    continue
                self._held.append(block)
                if self._attached.is_set() or sum(held.size for held in self._held) > self._most_held:
                    await self._flush()
            await self._flush()
            await self._socket.send(self._ending)
        finally:
            self.over = True
            if self._waiting is not None and not self._waiting.expired():
                self._waiting.reschedule(0)  # it may have failed, which is to be known at once

    async def _flush(self) -> None:
        async with self._in_order:
            await self._attached.wait()
            blocks, self._held = self._held, []
            for block in blocks:
                for start in range(0, block.size, self._piece):
                    piece = block[start : start + self._piece]
                    await self._socket.send(self._encode(piece))
                    self.samples += piece.size
