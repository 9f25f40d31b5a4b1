"""Telephone calls over Twilio's Media Streams: both ends of a call on a WebSocket that has been accepted.

::

    async def answer(connection):                        # of websockets.asyncio.server.serve(...)
        stream = await MediaStream.begin(WebSocket(connection))
        await pipeline.hold(stream.ends, vars=dict(stream.start.parameters), keep_turns=20)

When the handler returns the connection is closed, and the carrier goes on with the call as its TwiML says.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ClassVar, Self

from voicepipe.audio.g711 import RATE, decode_ulaw, encode_ulaw
from voicepipe.core.clock import Clock
from voicepipe.core.frames import AudioIn, Pcm
from voicepipe.core.inbox import Outlet
from voicepipe.core.io import FromCaller, Line
from voicepipe.core.units import MS, SECOND
from voicepipe.errors import ProviderError
from voicepipe.transports.media_stream_arrivals import Arrivals
from voicepipe.transports.media_stream_playing import FarSide
from voicepipe.transports.media_stream_protocol import (
    MOST_BYTES,
    NAME,
    Digit,
    Envelope,
    Mark,
    Media,
    Message,
    Order,
    Start,
    Stop,
    malformed,
    parse,
)
from voicepipe.transports.media_stream_socket import Prompt, Socket

START_S = 10.0
"""A far side says whose call it is at once; one that doesn't isn't a carrier."""

MOST_MALFORMED = 50
"""Messages in a row that can't be read, a second of audio: then the call ends. One alone is left out."""

BURST = 16
"""Frames after which others have a turn. What piled up while the network stood still is there at once, and
would run over the inboxes of those who read it; a turn for each frame costs more than it gives."""

EARLY = 10 * SECOND
"""How far a gap may lead ahead of the session's time: the caller's audio is ahead by what waited while the
call was begun."""

LEAD, LOW = 200 * MS, 100 * MS
"""How far ahead the far side is given audio: up to the first, then no more until the second is left.
A network that stands still for so long isn't heard, and at an interruption it is taken back."""

MOST_UNSENT = 64 << 10
"""Bytes that the far side may leave lying: four seconds of talk, behind all that the system buffers.
Beyond them it doesn't read any more, and the call ends."""


class MediaStream:
    """A stream that has begun: ``start`` says whose call it is."""

    def __init__(self, socket: Socket, start: Start, order: Order) -> None:
        self.start = start
        self.socket = socket
        self.order = order

    @classmethod
    async def begin(cls, socket: Socket) -> Self:
        """Wait until the far side has said whose call it is.

        Raises ``ProviderError``: ``protocol`` if something else comes, ``timeout`` if nothing does within
        10 s, ``connection`` if the far side leaves before. Whoever has accepted the connection closes it.
        """
        order = Order()
        try:
            async with asyncio.timeout(START_S):
                while True:
                    received = await socket.receive()
                    if received is None:
                        raise ProviderError(
                            "the far side left before it said whose call it is",
                            provider=NAME,
                            kind="connection",
                        )
                    message = _read(received)
                    order.take(message)
                    if isinstance(message, Start):
                        return cls(socket, message, order)
        except TimeoutError:
            raise ProviderError(
                f"nobody said within {START_S:g} s whose call it is", provider=NAME, kind="timeout"
            ) from None

    def ends(self, clock: Clock) -> MediaStreamCall:
        """For ``Pipeline.hold``, or to give to ``Call.run``."""
        return MediaStreamCall(self, clock)


def _read(received: bytes | str, stream_sid: str | None = None) -> Message:
    if len(received) > MOST_BYTES:
        raise malformed(f"a message has {len(received)} bytes", f"at most {MOST_BYTES} are read")
    return parse(received, stream_sid)


class MediaStreamCall:
    """Both ends of a call over a stream: ``core.io.CallEnds``."""

    def __init__(self, stream: MediaStream, clock: Clock) -> None:
        self.output = StreamLoudspeaker(stream, clock)
        self.caller = StreamCaller(stream, clock, self.output)

    def close(self) -> None:
        """The connection belongs to whoever has accepted it."""


class StreamCaller:
    """An ``AudioInput`` at 8 kHz: what comes over the stream, until the far side stops or is gone."""

    live: ClassVar[bool] = True
    telephone: ClassVar[bool] = True
    rate = RATE

    def __init__(self, stream: MediaStream, clock: Clock, output: StreamLoudspeaker) -> None:
        self.malformed = 0
        """Messages that could not be read."""
        self.missed = 0
        """Messages that never came, by their numbers."""
        self.digits = 0
        """Keys that were pressed. Which ones isn't kept: they are card numbers and secrets as often as not,
        and no stage wants them."""
        self.stopped = False
        """The far side has said that the call is over; it didn't just vanish."""
        self.arrivals = Arrivals()
        self._stream = stream
        self._clock = clock
        self._output = output
        self._sequence = stream.start.sequence
        self._bad = 0
        self._frames = 0

    async def run(self, out: Outlet[FromCaller], line: Line) -> None:
        """Ends when the call is over. Raises ``ProviderError`` if what comes can't be read for a second."""
        socket = self._stream.socket
        prompt = socket if isinstance(socket, Prompt) else None
        turn_at = BURST
        while prompt is None or not await self._listen(prompt, out.offer):
            received = await socket.receive()
            if received is None or self._hear(received, out.offer):
                return
            if self._frames >= turn_at:
                turn_at = self._frames + BURST
                await asyncio.sleep(0)

    async def _listen(self, socket: Prompt, offer: Callable[[AudioIn], None]) -> bool:
        """Hear what the connection hands over, as long as it does; whether the call is over then."""
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

        def take(message: bytes) -> None:
            if done.done():  # what comes behind the end isn't heard
                return
            try:
                if self._hear(message, offer):
                    done.set_result(True)
            except Exception as error:  # raised where the call is awaited, not in the connection
                done.set_exception(error)

        def stop() -> None:
            if not done.done():
                done.set_result(False)

        if not socket.listen(take, stop):
            return False
        try:
            return await done
        finally:
            socket.unlisten()

    def _hear(self, received: bytes | str, offer: Callable[[AudioIn], None]) -> bool:
        """See a message, and hand on its audio; whether it was the last one of the call."""
        try:
            message = _read(received, self._stream.start.stream_sid)
            self._stream.order.take(message)
        except ProviderError:
            self._count_malformed()
            return False
        self._bad = 0
        if type(message) is not Media:
            return self._ends_with(message)
        self._count(message.sequence)
        latest = (self._clock.now() + EARLY) * RATE // SECOND
        for position, pcm in self.arrivals.take(decode_ulaw(message.ulaw), message.timestamp_ms, latest):
            offer(AudioIn(pcm=pcm, position=position, rate=RATE))
            self._frames += 1
        return False

    def _ends_with(self, message: Message) -> bool:
        """See a message that isn't audio; whether it was the last one."""
        self._count(getattr(message, "sequence", None))
        match message:
            case Mark(name):
                self._output.played(name)
            case Digit():
                self.digits += 1
            case Stop():
                self.stopped = True
        return self.stopped

    def _count(self, sequence: int | None) -> None:
        if sequence is None:
            return
        if self._sequence is not None and sequence > self._sequence + 1:
            self.missed += sequence - self._sequence - 1
        self._sequence = sequence

    def _count_malformed(self) -> None:
        self.malformed += 1
        self._bad += 1
        if self._bad >= MOST_MALFORMED:
            raise malformed(f"{MOST_MALFORMED} messages in a row can't be read")


class StreamLoudspeaker:
    """An ``AudioOutput`` at 8 kHz: the far side's buffer."""

    rate = RATE

    def __init__(self, stream: MediaStream, clock: Clock) -> None:
        self._socket = stream.socket
        self._envelope = Envelope(stream.start.stream_sid)
        self._clock = clock
        self._far = FarSide(RATE)
        self._waiting: list[bytes] = []
        """μ-law that was written in this turn of the loop, and isn't sent yet."""
        self._mark: int | None = None
        """A mark that is to follow it."""
        self._posting: asyncio.Handle | None = None
        self._room: asyncio.Future[None] | None = None

    async def write(self, pcm: Pcm) -> None:
        now = self._clock.now()
        if self._socket.unsent() > MOST_UNSENT:
            self._socket.abort()  # the caller's side sees that, and the call ends
        dry = not self._far.pending(now)
        self._mark = self._far.send(pcm, now)
        self._waiting.append(encode_ulaw(pcm))
        full = self._ahead(now) > LEAD
        if dry or full or self._mark is not None:
            self._post()
        elif self._posting is None:
            self._posting = asyncio.get_running_loop().call_soon(self._post)
        if full:
            await self._wait()

    def pending(self) -> int:
        return self._far.pending(self._clock.now())

    def flush(self) -> None:
        """The far side drops what it hasn't played, but for 5 ms in which it fades."""
        fade = self._far.clear(self._clock.now())
        if fade is not None:
            self._waiting = [encode_ulaw(fade)]
            self._socket.send(self._envelope.clear)
            self._post()
        self._make_room()

    def _post(self) -> None:
        """Send what was written since the last time: the blocks that fill the far side up are one message."""
        if self._posting is not None:
            self._posting.cancel()
            self._posting = None
        if self._waiting:
            self._socket.send(self._envelope.media(b"".join(self._waiting)))
            self._waiting.clear()
        if self._mark is not None:
            self._socket.send(self._envelope.mark(self._mark))
            self._mark = None

    def played(self, name: str) -> None:
        """The far side has given the mark ``name`` back."""
        self._far.played(name, self._clock.now())

    def _ahead(self, now_ns: int) -> int:
        return self._far.pending(now_ns) * SECOND // RATE

    async def _wait(self) -> None:
        """Until so much has been played that there is room for more, or a flush has made some.

        Once for several blocks: less often than a future and a timer for each.
        """
        while (ahead := self._ahead(self._clock.now())) > LOW:  # it may have fallen behind meanwhile
            self._room = asyncio.get_running_loop().create_future()
            timer = self._clock.call_at(self._clock.now() + ahead - LOW, self._make_room)
            try:
                await self._room
            finally:
                timer.cancel()
                self._room = None

    def _make_room(self) -> None:
        if self._room is not None and not self._room.done():
            self._room.set_result(None)
