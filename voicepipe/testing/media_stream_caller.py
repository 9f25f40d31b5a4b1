"""Somebody who calls an agent over Twilio's Media Streams: the carrier's side of the connection, for tests.

Protocol: https://www.twilio.com/docs/voice/media-streams/websocket-messages. ::

    async with connect("ws://127.0.0.1:8080/call", compression=None) as connection:   # of `websockets`
        caller = MediaStreamCaller(WebSocket(connection), Clock())
        caller.begin({"customer": "Ann"})
        async with asyncio.TaskGroup() as group:
            listening = group.create_task(caller.listen())
            for ulaw in frames:                          # 160 bytes each, 20 ms apart
                caller.say(ulaw)
            ...
            caller.stop()

What the agent sends is played at the pace of the clock: marks come back when what was before them has been
played, and ``clear`` drops what hasn't and gives all marks back at once, as the carrier does.
"""

from __future__ import annotations

import asyncio
import json
from binascii import a2b_base64, b2a_base64
from collections import deque
from collections.abc import Mapping
from typing import Any

import numpy as np

from voicepipe.audio.g711 import RATE, decode_ulaw
from voicepipe.core.clock import Clock
from voicepipe.core.frames import FRAME_MS, Pcm
from voicepipe.core.units import SECOND
from voicepipe.transports.media_stream_socket import Socket

MOST_AHEAD = 10 * 60 * SECOND
"""Of audio that waits to be played: more than any agent sends by intention."""


class MediaStreamCaller:
    """One call. ``heard`` keeps what was played, and when."""

    def __init__(
        self, socket: Socket, clock: Clock, *, stream_sid: str = "MZ0001", call_sid: str = "CA0001"
    ) -> None:
        self.stream_sid = stream_sid
        self.call_sid = call_sid
        self.heard: deque[tuple[int, Pcm]] = deque()
        """Blocks with the time (ns of ``clock``) at which each began to be played."""
        self.clears = 0
        self.answered: list[str] = []
        """The names of the marks that were given back."""
        self._socket = socket
        self._clock = clock
        self._sequence = 0
        self._chunk = 0
        self._end = 0
        """When all that came has been played."""
        self._marks: deque[tuple[int, str]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        sid = json.dumps(stream_sid)
        self._before = '{"event":"media","sequenceNumber":"%d","media":{"track":"inbound","chunk":"%d","timestamp":"%d","payload":"'  # noqa: E501 - filled in 50 times a second
        self._after = f'"}},"streamSid":{sid}}}'

    # ── what the caller does ─────────────────────────────────────────────────────────────────────

    def begin(self, parameters: Mapping[str, str] | None = None) -> None:
        """Say whose call it is."""
        self._socket.send('{"event":"connected","protocol":"Call","version":"1.0.0"}')
        form = {"encoding": "audio/x-mulaw", "sampleRate": RATE, "channels": 1}
        self._tell(
            "start",
            {
                "accountSid": "AC0001",
                "streamSid": self.stream_sid,
                "callSid": self.call_sid,
                "tracks": ["inbound"],
                "mediaFormat": form,
                "customParameters": dict(parameters or {}),
            },
        )

    def say(self, ulaw: bytes) -> None:
        """The next 20 ms, 160 bytes of G.711 μ-law: to be called as often as time goes on by so much."""
        self._sequence += 1
        self._chunk += 1
        before = self._before % (self._sequence, self._chunk, (self._chunk - 1) * FRAME_MS)
        self._socket.send(before + b2a_base64(ulaw, newline=False).decode("ascii") + self._after)

    def press(self, digit: str) -> None:
        """A key of the telephone."""
        self._tell("dtmf", {"track": "inbound_track", "digit": digit})

    def stop(self) -> None:
        """Hang up."""
        self._tell("stop", {"accountSid": "AC0001", "callSid": self.call_sid})

    def vanish(self) -> None:
        """Be gone without a word."""
        self._socket.abort()

    # ── what the caller hears ────────────────────────────────────────────────────────────────────

    async def listen(self) -> None:
        """Play what comes, until the connection ends. Raises ``ValueError`` for what Twilio wouldn't take."""
        while (message := await self._socket.receive()) is not None:
            self.take(message)
        if self._timer is not None:
            self._timer.cancel()

    def take(self, message: bytes | str) -> None:
        """One message of the agent."""
        found = json.loads(message)
        if not isinstance(found, dict):
            raise ValueError("a message isn't a JSON object")
        if found.get("streamSid") != self.stream_sid:
            raise ValueError(f"a message for the stream {found.get('streamSid')!r}, not {self.stream_sid!r}")
        match found.get("event"):
            case "media":
                self._play(decode_ulaw(a2b_base64(found["media"]["payload"], strict_mode=True)))
            case "mark":
                self._marks.append((self._end, str(found["mark"]["name"])))
                self._reach()
            case "clear":
                self._clear()
            case event:
                raise ValueError(f"there is no message {event!r} to the carrier")

    def left(self) -> int:
        """How long what came will go on to be played, in ns."""
        return max(0, self._end - self._clock.now())

    def sound(self, start_ns: int, end_ns: int) -> Pcm:
        """What was heard between two times, at 8 kHz; silence where nothing was."""
        first = start_ns * RATE // SECOND
        whole: Pcm = np.zeros(end_ns * RATE // SECOND - first, np.int16)
        for at_ns, pcm in self.heard:
            at = at_ns * RATE // SECOND - first
            part = pcm[max(0, -at) : max(0, whole.size - at)]
            whole[max(0, at) : max(0, at) + part.size] = part
        return whole

    def _play(self, pcm: Pcm) -> None:
        start = max(self._end, self._clock.now())
        if start - self._clock.now() > MOST_AHEAD:
            raise ValueError("more audio waits to be played than a call lasts")
        self.heard.append((start, pcm))
        self._end = start + pcm.size * SECOND // RATE

    def _clear(self) -> None:
        self.clears += 1
        now = self._clock.now()
        while self.heard and self.heard[-1][0] >= now:
            self.heard.pop()
        if self.heard:
            start, pcm = self.heard[-1]
            self.heard[-1] = start, pcm[: (now - start) * RATE // SECOND]
        self._end = min(self._end, now)
        self._reach(all_of_them=True)

    def _reach(self, *, all_of_them: bool = False) -> None:
        """Give back the marks that have been played, and look again when the next one will have been."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        now = self._clock.now()
        while self._marks and (all_of_them or self._marks[0][0] <= now):
            _, name = self._marks.popleft()
            self.answered.append(name)
            self._tell("mark", {"name": name})
        if self._marks:
            self._timer = self._clock.call_at(self._marks[0][0], self._reach)

    def _tell(self, event: str, part: Mapping[str, Any]) -> None:
        self._sequence += 1
        whole = {"event": event, "sequenceNumber": str(self._sequence), event: part}
        self._socket.send(json.dumps({**whole, "streamSid": self.stream_sid}, separators=(",", ":")))
