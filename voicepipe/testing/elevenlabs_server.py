"""A server on loopback that speaks ElevenLabs' text-to-speech WebSocket with several contexts.

Protocol: https://elevenlabs.io/docs/api-reference/text-to-speech/v-1-text-to-speech-voice-id-multi-stream-input
(messages both ways, query), https://elevenlabs.io/docs/eleven-api/guides/how-to/websockets/multi-context-web-socket
(at most five contexts) and https://elevenlabs.io/docs/eleven-api/resources/errors (refusals). It checks what the
real one would refuse. Needs the package ``websockets`` (the extra ``cloud``).
"""  # noqa: E501 - addresses

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import ServerConnection
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from voicepipe.testing.speech import Spoken, Voice, hums
from voicepipe.testing.web_socket import WebSocketServer

Strike = Literal["drop", "stall", "malformed", "odd", "not_base64", "error", "close"]
Fault = Strike | Literal["silent", "half_a_sample", "untimed", "garbled_times"]

MOST_CONTEXTS = 5

_PATH = re.compile(r"/v1/text-to-speech/([^/]+)/multi-stream-input")
_FORMAT = re.compile(r"pcm_(8000|16000|22050|24000|44100)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    """How the server speaks one context, in messages of ``message_ms``.

    ``fault`` strikes after ``after_ms`` of the audio: ``drop`` cuts the connection, ``stall`` sends nothing
    more, ``malformed`` sends what isn't JSON, ``odd`` JSON of another shape, ``not_base64`` audio that can't
    be decoded, ``error`` an error with ``name`` and ``message``, ``close`` ends the connection with
    ``close_code`` and ``message``. Others concern the whole: ``silent`` has no audio, ``half_a_sample`` one
    byte too many, ``untimed`` no alignment, ``garbled_times`` one of another shape.
    """

    fault: Fault | None = None
    after_ms: int = 0
    message_ms: int = 250
    name: str = "something_went_wrong"
    message: str = "We are sorry, something went wrong."
    close_code: int = 1008


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An answer to the handshake other than 101."""

    status: int
    code: str = "invalid_parameters"
    message: str = "no"
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Connection:
    """What the server has seen of one connection."""

    voice: str
    query: dict[str, list[str]]
    headers: Headers
    hang_up: Callable[[], None]
    """Cut it off."""
    messages: list[dict[str, Any]] = field(default_factory=list)
    closed: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True)
class Context:
    """One chunk of speech that was asked for. ``done``: all of it was sent."""

    id: str
    connection: Connection
    settings: dict[str, Any]
    text: str = ""
    done: bool = False


class ElevenLabsServer(WebSocketServer):
    """``async with ElevenLabsServer(Say(fault="drop")) as server:`` – then talk to ``server.base_url``.

    Each context takes the next of ``says``; without one left it is spoken without a fault.
    """

    def __init__(
        self,
        *says: Say,
        key: str | None = None,
        refusals: tuple[Refusal, ...] = (),
        voice: Voice = hums,
        always: Say | None = None,
    ) -> None:
        """``key``: what the client has to bring. ``refusals``: for the first handshakes, one each.

        ``voice`` is how it sounds. ``always``: for each context, once ``says`` are used up.
        """
        super().__init__()
        self.says = deque(says)
        self.connections: list[Connection] = []
        self.contexts: list[Context] = []
        self.handshakes = 0
        self._key = key
        self._refusals = deque(refusals)
        self._voice = voice
        self._always = always or Say()

    @property
    def base_url(self) -> str:
        return f"ws://{self.address}"

    @property
    def open(self) -> int:
        """How many connections there are now."""
        return sum(not connection.closed.is_set() for connection in self.connections)

    def refuse(self, *refusals: Refusal) -> None:
        """Refuse the next handshakes."""
        self._refusals.extend(refusals)

    def admit(self, socket: ServerConnection, request: Request) -> Response | None:
        self.handshakes += 1
        refusal = self._refusals.popleft() if self._refusals else self._problem(request)
        if refusal is None:
            return None
        detail = {"code": refusal.code, "status": refusal.code, "message": refusal.message}
        response = socket.respond(refusal.status, json.dumps({"detail": detail}))
        response.headers.update(refusal.headers)
        return response

    def _problem(self, request: Request) -> Refusal | None:
        """Why the real server would refuse this handshake."""
        found = request.headers.get("xi-api-key", "")
        if self._key is not None and found != self._key:
            return Refusal(status=401, code="invalid_api_key", message=f"Invalid API key: {found}")
        address = urlsplit(request.path)
        if not _PATH.fullmatch(address.path):
            return Refusal(status=404, code="not_found", message=f"no such path: {address.path}")
        query = {name: values[-1] for name, values in parse_qs(address.query).items()}
        if not _FORMAT.fullmatch(query.get("output_format", "")):
            return Refusal(status=400, message="output_format: this server speaks pcm")
        if not 0 < float(query.get("inactivity_timeout", "20")) <= 180:
            return Refusal(status=400, message="inactivity_timeout: at most 180 was expected")
        if "v3" in query.get("model_id", ""):
            return Refusal(status=400, message="model_id: not available over this protocol")
        return None

    async def talk(self, socket: ServerConnection) -> None:
        assert socket.request is not None, "the handshake is over"
        address = urlsplit(socket.request.path)
        path = _PATH.fullmatch(address.path)
        assert path is not None, "the handshake has seen to it"
        hang_up = socket.transport.abort
        seen = Connection(path[1], parse_qs(address.query), socket.request.headers, hang_up)
        self.connections.append(seen)
        try:
            await _Stream(self, socket, seen).run()
        finally:
            seen.closed.set()

    def next_say(self) -> Say:
        return self.says.popleft() if self.says else self._always

    async def speak(self, text: str, rate: int) -> Spoken:
        return await self._voice(text, rate)


class _Stream:
    """One connection: texts in, audio out."""

    def __init__(self, server: ElevenLabsServer, socket: ServerConnection, seen: Connection) -> None:
        self._server = server
        self._socket = socket
        self._seen = seen
        self._rate = int(seen.query["output_format"][0].removeprefix("pcm_"))
        self._each = seen.query.get("sync_alignment") == ["true"]
        self._idle_s = float(seen.query.get("inactivity_timeout", ["20"])[0])
        self._contexts: dict[str, Context] = {}

    async def run(self) -> None:
        while True:
            try:
                async with asyncio.timeout(self._idle_s):
                    message = json.loads(await self._socket.recv())
            except TimeoutError:
                await self._fail("input_timeout_exceeded", "No text within the timeout of 20 seconds.")
                return
            self._seen.messages.append(message)
            if message.get("close_socket"):
                await self._socket.close()
                return
            if not await self._obey(message):
                return

    async def _obey(self, message: dict[str, Any]) -> bool:
        """False where the connection ends."""
        id = message.get("context_id", "default")
        if message.get("close_context"):
            if self._contexts.pop(id, None):
                await self._send({"isFinal": True, "contextId": id})
            return True
        context = self._contexts.get(id)
        if context is None:
            if message.get("text") != " ":
                await self._fail("invalid_message", "The first text of a context is a single space.")
                return False
            if len(self._contexts) == MOST_CONTEXTS:
                await self._fail("max_active_conversations", "Maximum simultaneous contexts exceeded (5).")
                return False
            context = Context(id, self._seen, message.get("voice_settings", {}))
            self._contexts[id] = context
            self._server.contexts.append(context)
            return True
        context.text += message.get("text", "")
        return await self._speak(context) if message.get("flush") else True

    async def _speak(self, context: Context) -> bool:
        say = self._server.next_say()
        spoken = await self._server.speak(context.text, self._rate)
        at_ms = 0
        for message in self._messages(context.text, spoken, say):
            if say.fault and at_ms >= say.after_ms and not await self._strike(say):
                return False
            await self._send({**message, "contextId": context.id})
            at_ms += say.message_ms
        context.done = True
        return True

    async def _strike(self, say: Say) -> bool:
        """Whether the server goes on."""
        match say.fault:
            case "drop":
                self._socket.transport.abort()
                return False
            case "stall":
                await self._socket.wait_closed()
                return False
            case "malformed":
                await self._socket.send('{"audio": "AAA')
            case "odd":
                await self._socket.send("[1, 2]")
            case "not_base64":
                await self._send({"audio": "what?", "isFinal": None})
            case "error":
                await self._fail(say.name, say.message, say.close_code)
                return False
            case "close":
                await self._socket.close(say.close_code, say.message)
                return False
        return True

    def _messages(self, text: str, spoken: Spoken, say: Say) -> Iterator[dict[str, Any]]:
        """All audio of a context, with its characters where they begin, or all of them in the first."""
        if say.fault == "silent":
            return
        size = self._rate * say.message_ms // 1000
        characters = list(_characters(text, spoken))
        for start in range(0, len(spoken.pcm), size):
            from_ms, to_ms = start * 1000 / self._rate, (start + size) * 1000 / self._rate
            if not self._each:
                to_ms = float("inf") if start == 0 else from_ms
            audio = spoken.pcm[start : start + size].astype("<i2").tobytes()
            if say.fault == "half_a_sample" and start == 0:
                audio += b"\x00"
            inside = [one for one in characters if from_ms <= one[1] < to_ms]
            alignment: Any = {
                "chars": [character for character, _, _ in inside],
                "charStartTimesMs": [round(begin - from_ms) for _, begin, _ in inside],
                "charDurationsMs": [round(end - begin) for _, begin, end in inside],
            }
            if say.fault == "garbled_times":
                alignment["charStartTimesMs"] = [float("nan")] * (len(inside) + 1)
            if say.fault == "untimed" or not inside:
                alignment = None
            yield {
                "audio": base64.b64encode(audio).decode(),
                "isFinal": None,
                "alignment": alignment,
                "normalizedAlignment": alignment,
            }

    async def _fail(self, name: str, message: str, code: int = 1008) -> None:
        await self._send({"message": message, "error": name, "code": code})
        await self._socket.close(code, message[:120])

    async def _send(self, message: dict[str, Any]) -> None:
        await self._socket.send(json.dumps(message))


def _characters(text: str, spoken: Spoken) -> Iterator[tuple[str, float, float]]:
    """Each character of ``text``, and from when to when it is said: those of a word divide its time."""
    at, now = 0, 0.0
    for word in spoken.words:
        place = text.index(word.text, at)
        for character in text[at:place]:
            yield character, now, float(word.start_ms)
            now = float(word.start_ms)
        step = (word.end_ms - word.start_ms) / len(word.text)
        for number, character in enumerate(word.text):
            yield character, word.start_ms + number * step, word.start_ms + (number + 1) * step
        at, now = place + len(word.text), float(word.end_ms)
    for character in text[at:]:
        yield character, now, now
