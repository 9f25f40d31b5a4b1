"""A connection of the package ``websockets`` that hands messages over in the step in which they come.

The package's own way is a queue, a future and a coroutine for each message, and a turn of the loop before
anybody sees it: more than a frame of audio costs. Here bytes are cut into whole frames (RFC 6455, section
5.2). Text in one masked frame, as carriers send it, goes straight to whoever listens, in rounds together with
what comes over other connections. All else goes on to the package, whole: the handshake, pings, the farewell,
fragments, and what breaks the protocol.

Made for ``serve(..., create_connection=...)``; of the package it uses what is documented.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from voicepipe.core.extras import require
from voicepipe.transports.media_stream_rounds import rounds_of

if TYPE_CHECKING:
    from websockets.asyncio.server import ServerConnection as _Base
else:
    _Base = object  # the package is there only once somebody serves

AT_ONCE = 6 << 10
"""Bytes handed over before others have a turn, 16 messages of 20 ms. What piled up while the network stood
still is there at once, and would run over the inboxes of those who read it."""

EACH = 32
"""Bytes that a message counts for besides its own: one that is empty takes its time, too."""

MOST_JOINED = 4 * AT_ONCE
"""Bytes that wait for a round; beyond them nothing is received until it comes."""

_TEXT = 0x81
"""The first byte of a text message that is whole, uncompressed."""

_CLOSE = 0x08
"""The kinds of frames below it are data, those above it pings."""

_MASKED = 0x80
_LONG, _VERY_LONG = 126, 127
_MASK = 4
"""Bytes."""

Take = Callable[[bytes], None]


@cache
def connection_class() -> type[_Base]:
    """For ``create_connection``. Raises ``SetupError`` if the package isn't installed."""
    purpose = "a media stream"
    server = require("websockets.asyncio.server", extra="realtime", purpose=purpose)
    protocol = require("websockets.protocol", extra="realtime", purpose=purpose)
    return type("DirectConnection", (Direct, server.ServerConnection), {"opened": protocol.State.OPEN})


class Direct(_Base):
    """What is added to ``ServerConnection``."""

    opened: Any
    """The package's name for the state of a connection that is open."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._framed = False
        """What comes is cut into frames here. False before they begin, and after one that isn't understood:
        the package is given bytes as they come then."""
        self._rest = bytearray()
        """What isn't a whole frame yet, or waits for a round, or came while others had a turn."""
        self._held, self._held_from = b"", 0
        """What others have a turn in the midst of, and where it goes on. Not cut off: it may be long."""
        self._wanted = 0
        """How long ``_rest`` has to be before it is looked at again."""
        self._halted = False
        """Others have a turn, and nothing is received meanwhile."""
        self._joins = False
        """What has come waits for the next round."""
        self._rounds = rounds_of(self.loop)
        self._in_part = False
        """The last data frame for the package was a fragment."""
        self._ends = deque[Callable[[], None]]()
        """What tells the package that the connection has ended, and waits for what came before."""
        self._queued = 0
        """Messages that the package has, and that weren't asked for yet."""
        self._take: Take | None = None
        self._stop: Callable[[], None] | None = None

    # ── who listens ──────────────────────────────────────────────────────────────────────────────

    def listen(self, take: Take, stop: Callable[[], None]) -> bool:
        """From now on ``take(message)`` is called with each message, until ``unlisten``.

        ``stop()`` ends that when the connection has ended, or a message comes that the package has to read:
        ask ``recv`` for it, and listen again. False, and nothing changes, while ``recv`` has messages that
        came before, or isn't to be done without. ``take`` mustn't raise.
        """
        if self._queued or self._in_part or not self._framed or self.protocol.extensions:
            return False
        if self.protocol.state is not self.opened:
            return False
        self._take, self._stop = take, stop
        return True

    def unlisten(self) -> None:
        """Messages are for ``recv`` again."""
        self._take = self._stop = None

    async def recv(self, decode: bool | None = None) -> Any:
        message = await super().recv(decode)
        self._queued -= 1
        return message

    # ── what comes ───────────────────────────────────────────────────────────────────────────────

    def data_received(self, data: bytes) -> None:
        if not self._framed:
            asked = self.request is not None
            super().data_received(data)
            # Frames begin behind the request. A client that has sent some before it was answered gets by
            # without us: where its frames end isn't known.
            self._framed = not asked and self.request is not None and data.endswith(b"\r\n\r\n")
            return
        if self._rest or self._halted:
            self._rest += data
            if self._joins:
                self._bound()
            if self._halted or self._joins or len(self._rest) < self._wanted:
                return
            data = bytes(self._rest)
            self._rest.clear()
        if self._take is None or self._rounds.alone():
            self._cut(data, 0)
        else:
            self._rest += data
            self._joins = True
            self._bound()
            self._rounds.join(self._hand_over)

    def eof_received(self) -> None:
        self._end(super().eof_received)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(lambda: self._lose(exc))

    def _lose(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._rest.clear()
        self._end_listening()

    def _end(self, tell: Callable[[], None]) -> None:
        """``tell`` the package, once what waits has been handed over, in portions as ever."""
        self._ends.append(tell)
        if not self._halted:  # else it goes on by itself
            self._cut_what_waits()

    def _bound(self) -> None:
        if len(self._rest) > MOST_JOINED:
            self.transport.pause_reading()

    def _hand_over(self) -> None:
        if self._joins:
            if len(self._rest) > MOST_JOINED:
                self.transport.resume_reading()
            self._cut_what_waits()

    def _cut_what_waits(self) -> None:
        self._halted = self._joins = False
        data, at = self._held, self._held_from
        self._held = b""
        if self._rest:
            data, at = data[at:] + self._rest, 0
            self._rest.clear()
        self._cut(data, at)
        while self._ends and not self._halted:
            self._ends.popleft()()

    def _cut(self, data: bytes, at: int) -> None:
        """Hand over what is in ``data`` from ``at`` on: `AT_ONCE` bytes of it while somebody listens, or one
        message. Others have a turn before what is left then."""
        size, spent = len(data), 0
        while size - at >= 2:
            length = data[at + 1] - _MASKED
            head = at + 2
            if length == _LONG:
                length = int.from_bytes(data[head : head + 2])
                head += 2
            if length < 0 or length == _VERY_LONG:  # not masked, or longer than any message that is taken
                self._give_up(data[at:])
                return
            end = head + _MASK + length
            if end > size or head > size:
                self._keep(data, at, max(end, head + _MASK) - at)
                return
            take = self._take
            if take is not None:
                if spent and spent + length + EACH > AT_ONCE:
                    self._halt(data, at)
                    return
                spent += length + EACH
            if take is not None and data[at] == _TEXT:
                take(_unmasked(data, head, end))
            else:
                self._pass_on(data[at:end])
            at = end
        if at < size:
            self._keep(data, at, 2)

    def _keep(self, data: bytes, at: int, wanted: int) -> None:
        self._rest += data[at:]
        self._wanted = wanted

    def _pass_on(self, frame: bytes) -> None:
        """A whole frame for the package: of control, or data that nobody takes here."""
        code = frame[0] & 0x0F
        if code < _CLOSE:
            whole = frame[0] >= 0x80
            self._queued += whole
            self._in_part = not whole
        if code <= _CLOSE:  # nothing may follow a farewell
            self._end_listening()
        super().data_received(frame)

    def _give_up(self, data: bytes) -> None:
        self._framed = False
        self._end_listening()
        super().data_received(data)

    def _end_listening(self) -> None:
        stop = self._stop
        self.unlisten()
        if stop is not None:
            stop()

    # ── others have a turn ───────────────────────────────────────────────────────────────────────

    def _halt(self, data: bytes, at: int) -> None:
        self._held, self._held_from = data, at
        self._halted = True
        self.transport.pause_reading()
        self.loop.call_soon(self._go_on)

    def _go_on(self) -> None:
        self.transport.resume_reading()  # before the package sees data, and may want it otherwise
        self._cut_what_waits()


def _unmasked(data: bytes, head: int, end: int) -> bytes:
    """The payload before ``end``, behind its mask at ``head``: every byte XOR one of four (section 5.3)."""
    start = head + _MASK
    size = end - start
    mask = data[head:start] * (size // _MASK + 1)
    return (int.from_bytes(data[start:end]) ^ int.from_bytes(mask[:size])).to_bytes(size)
