"""The WebSocket below a media stream: one that somebody has accepted, and how it is best accepted.

Protocol: RFC 6455. Made for the connections of the package ``websockets`` 15 and later, whichever side they
are of; a connection of another server needs the four methods of ``Socket``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

from voicepipe.core.extras import require
from voicepipe.transports.media_stream_connection import Direct, connection_class
from voicepipe.transports.media_stream_protocol import MOST_BYTES

PING_S, PONG_S = 5.0, 3.0
"""A far side that vanished without a word is noticed after at most 8 s; the package's own 20 and 20 take more
than 40, in which an agent would talk to nobody."""

CLOSE_S = 1.0
"""How long the far side has to answer a close."""

MOST_WAITING = 64
"""Messages that wait to be read, 1.3 s of audio, such as comes while a call is begun. Beyond them nothing is
received, and the far side has to wait."""


class Socket(Protocol):
    """What a media stream needs of its connection."""

    async def receive(self) -> bytes | str | None:
        """The next message; None once the connection has ended, however it did."""
        ...

    def send(self, message: str) -> None:
        """Hand a text message to the network, which may keep it; nothing happens after the end."""
        ...

    def unsent(self) -> int:
        """Bytes that the network hasn't taken yet."""
        ...

    def abort(self) -> None:
        """Cut the connection now, without a farewell."""
        ...


@runtime_checkable
class Prompt(Socket, Protocol):
    """A connection that can hand messages over in the step in which they come, without being asked."""

    def listen(self, take: Callable[[bytes], None], stop: Callable[[], None]) -> bool:
        """From now on call ``take`` with each message, until ``unlisten``; ``take`` doesn't raise.

        Call ``stop`` when there will be no more of that: ``receive`` gives what comes then, or the end.
        False: ``receive`` gives the next message, and then it's worth to ask again.
        """
        ...

    def unlisten(self) -> None:
        """Messages are for ``receive`` again."""
        ...


def how_to_accept() -> dict[str, Any]:
    """Arguments of ``websockets.asyncio.server.serve`` that suit media streams.

    The connections are ``Direct``, which takes half the time of the package's own for a message.
    Without compression: it would make messages smaller by two fifths (60 kbit/s less) for 15 µs of ours each
    and some 64 KiB a connection. ``TCP_NODELAY`` is what asyncio sets by itself.
    """
    return {
        "create_connection": connection_class(),
        "compression": None,
        "max_size": MOST_BYTES,
        "max_queue": MOST_WAITING,
        "ping_interval": PING_S,
        "ping_timeout": PONG_S,
        "close_timeout": CLOSE_S,
    }


class WebSocket:
    """A ``Socket`` over a connection of the package ``websockets``, of its asyncio server or client.

    A ``Prompt`` one where the server was begun with ``how_to_accept``.
    """

    def __init__(self, connection: Any) -> None:
        purpose = "a media stream"
        self._closed = require("websockets.exceptions", extra="realtime", purpose=purpose).ConnectionClosed
        # Sends without being awaited: what isn't taken is bounded by who sends, see `unsent`.
        self._broadcast = require("websockets.asyncio.server", extra="realtime", purpose=purpose).broadcast
        self._connection = connection
        self._one = (connection,)

    async def receive(self) -> bytes | None:
        try:
            message: bytes = await self._connection.recv(decode=False)
        except self._closed:
            return None
        return message

    def listen(self, take: Callable[[bytes], None], stop: Callable[[], None]) -> bool:
        return isinstance(self._connection, Direct) and self._connection.listen(take, stop)

    def unlisten(self) -> None:
        if isinstance(self._connection, Direct):
            self._connection.unlisten()

    def send(self, message: str) -> None:
        if not self._connection.transport.is_closing():  # the package may not know yet that it has ended
            self._broadcast(self._one, message)

    def unsent(self) -> int:
        size: int = self._connection.transport.get_write_buffer_size()
        return size

    def abort(self) -> None:
        self._connection.transport.abort()
