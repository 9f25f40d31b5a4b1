"""The socket of one client of the scripted Realtime server: events out, and ways to fail."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Coroutine
from itertools import count
from typing import TYPE_CHECKING, Any

from voicepipe.core.extras import require
from voicepipe.testing.realtime_wire import check_server_event

if TYPE_CHECKING:
    from websockets.asyncio.server import ServerConnection

EXPIRED = "Your session hit the maximum duration of 60 minutes."


class Link:
    """``socket`` is the connection as ``websockets`` has it."""

    def __init__(self, socket: ServerConnection) -> None:
        self.socket = socket
        self._events = count(1)
        self._frozen = False
        errors = require("websockets.exceptions", extra="realtime", purpose="the scripted Realtime server")
        self._closed: type[Exception] = errors.ConnectionClosed

    async def emit(self, kind: str, **fields: Any) -> None:
        """Send one event, which the vendor's own model must accept."""
        event = {"type": kind, "event_id": f"event_{next(self._events):06d}", **fields}
        check_server_event(event)
        await self.send(json.dumps(event))

    async def send(self, message: str | bytes, *, text: bool | None = None) -> None:
        """Anything at all; bytes with ``text`` True are said to be UTF-8, whatever they are."""
        if not self._frozen:
            await self.socket.send(message, text=text)

    async def end(self, how: str) -> None:
        """As ``realtime_script.Fault`` names it: ``drop``, ``reset``, ``freeze`` or ``expire``."""
        match how:
            case "freeze":
                self.freeze()
            case "reset":
                self.socket.transport.abort()
            case "expire":
                error = {"type": "invalid_request_error", "code": "session_expired", "message": EXPIRED}
                await self.guarded(self.emit("error", error=error))
                await self.socket.close(1001, EXPIRED)
            case "drop":
                await self.socket.close(1011, "internal error")
            case _:
                raise ValueError(f"'{how}' is no way to end a connection")

    def freeze(self) -> None:
        """Say nothing any more, and hear nothing."""
        self._frozen = True
        self.socket.transport.pause_reading()

    def thaw(self) -> None:
        """Give a frozen connection up."""
        if self._frozen:
            self.socket.transport.abort()

    async def guarded(self, work: Coroutine[Any, Any, None]) -> None:
        """What is said to a client that has gone ends in silence, as it does at the vendor's."""
        with contextlib.suppress(self._closed):
            await work
