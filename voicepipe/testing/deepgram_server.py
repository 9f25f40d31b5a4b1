"""A server on loopback that speaks Deepgram's live transcription and hears what it is told to hear.

Protocol: https://developers.deepgram.com/reference/speech-to-text/listen-streaming (handshake, ``Results``,
``UtteranceEnd``, ``Metadata``, ``Error``); /docs/finalize, /docs/keep-alive, /docs/close-stream;
/docs/stt-troubleshooting-websocket-data-and-net-errors (close codes) and /docs/errors (refusals). It checks
what the real one would refuse. Needs the package ``websockets`` (the extra ``cloud``).
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import ServerConnection
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from voicepipe.testing.web_socket import WebSocketServer

Fault = Literal["drop", "malformed", "odd", "error", "stall", "close"]

IDLE_S = 10.0
"""Seconds without audio and without ``KeepAlive`` after which the server closes."""

STEP_MS = 200
"""Of audio, between two interim results."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Utterance:
    """What the server hears in one utterance, from its first audio up to ``Finalize``.

    The words of ``text`` are spread evenly from ``from_ms`` to ``to_ms`` of its audio, and interim results
    tell them as the audio passes. ``final_at_ms`` makes those up to there final, ``speech_final_at_ms`` does
    so with the news that the speech is over, ``ends_at_ms`` sends ``UtteranceEnd``. ``flush`` False: the
    server doesn't answer to ``Finalize``. ``fault`` strikes at ``fault_at_ms``: ``drop`` cuts the connection,
    ``malformed`` sends what isn't JSON, ``odd`` JSON of another shape, ``error`` an error with ``message``,
    ``stall`` nothing more, ``close`` ends the connection in good order with ``close_code``.
    """

    text: str = ""
    from_ms: int = 0
    to_ms: int = 400
    final_at_ms: int | None = None
    speech_final_at_ms: int | None = None
    ends_at_ms: int | None = None
    flush: bool = True
    fault: Fault | None = None
    fault_at_ms: int = 0
    message: str = "no luck today"
    close_code: int = 1011


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An answer to the handshake other than 101."""

    status: int
    code: str = "Bad Request"
    message: str = "no"
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Connection:
    """What the server has seen of one connection."""

    query: dict[str, list[str]]
    headers: Headers
    audio: bytearray = field(default_factory=bytearray)
    messages: list[str] = field(default_factory=list)
    """The types of the text messages, in order: ``Finalize``, ``KeepAlive``, ``CloseStream``."""
    closed: asyncio.Event = field(default_factory=asyncio.Event)


class DeepgramServer(WebSocketServer):
    """``async with DeepgramServer(Utterance(text="hello")) as server:`` – then talk to ``server.base_url``.

    Each utterance takes the next of ``utterances``, or asks ``otherwise`` by its first audio (linear16);
    without either nothing but noise is heard.
    """

    def __init__(
        self,
        *utterances: Utterance,
        key: str | None = None,
        refusals: tuple[Refusal, ...] = (),
        idle_s: float = IDLE_S,
        otherwise: Callable[[bytes], Utterance] | None = None,
    ) -> None:
        """``key``: what the client has to bring. ``refusals``: for the first handshakes, one each."""
        super().__init__()
        self.utterances = deque(utterances)
        self.connections: list[Connection] = []
        self.handshakes = 0
        self._key = key
        self._refusals = deque(refusals)
        self._idle_s = idle_s
        self._otherwise = otherwise or (lambda audio: Utterance())

    @property
    def base_url(self) -> str:
        return f"ws://{self.address}/v1"

    def refuse(self, *refusals: Refusal) -> None:
        """Refuse the next handshakes."""
        self._refusals.extend(refusals)

    def _next(self, audio: bytes) -> Utterance:
        return self.utterances.popleft() if self.utterances else self._otherwise(audio)

    def admit(self, socket: ServerConnection, request: Request) -> Response | None:
        self.handshakes += 1
        if refusal := self._refusal(request):
            text = json.dumps({"err_code": refusal.code, "err_msg": refusal.message, "request_id": "r-1"})
            response = socket.respond(refusal.status, text)
            response.headers["dg-error"] = refusal.message
            response.headers.update(refusal.headers)
            return response
        return None

    def _refusal(self, request: Request) -> Refusal | None:
        if self._refusals:
            return self._refusals.popleft()
        found = request.headers.get("Authorization", "")
        if self._key is not None and found != f"Token {self._key}":
            return Refusal(status=401, code="INVALID_AUTH", message=f"Invalid credentials: {found}")
        address = urlsplit(request.path)
        if address.path != "/v1/listen":
            return Refusal(status=404, code="NOT_FOUND", message=f"no such path: {address.path}")
        problem = _problem({name: values[-1] for name, values in parse_qs(address.query).items()})
        return Refusal(status=400, message=problem) if problem else None

    async def talk(self, socket: ServerConnection) -> None:
        assert socket.request is not None, "the handshake is over"
        seen = Connection(parse_qs(urlsplit(socket.request.path).query), socket.request.headers)
        self.connections.append(seen)
        try:
            await _Stream(socket, seen, self._next, self._idle_s).run()
        finally:
            seen.closed.set()


class _Stream:
    """One connection: audio in, results out."""

    def __init__(
        self,
        socket: ServerConnection,
        seen: Connection,
        hears: Callable[[bytes], Utterance],
        idle_s: float,
    ) -> None:
        self._socket = socket
        self._seen = seen
        self._hears = hears
        self._idle_s = idle_s
        self._bytes_per_ms = int(seen.query["sample_rate"][0]) * 2 // 1000
        self._utterance: Utterance | None = None
        self._began_ms = 0
        self._settled_ms = 0
        """What the final results cover, and how many words of the utterance."""
        self._settled_words = 0
        self._told_ms = 0
        self._done: set[str] = set()

    @property
    def _now_ms(self) -> int:
        return len(self._seen.audio) // self._bytes_per_ms

    async def run(self) -> None:
        while True:
            try:
                async with asyncio.timeout(self._idle_s):
                    message = await self._socket.recv()
            except TimeoutError:
                await self._socket.close(1011, "NET-0001: no audio was received within the time window")
                return
            if isinstance(message, bytes):
                going_on = await self._hear(message)
            else:
                going_on = await self._obey(message)
            if not going_on:
                return

    async def _obey(self, text: str) -> bool:
        try:
            kind = json.loads(text)["type"]
        except (ValueError, KeyError, TypeError):
            kind = None
        self._seen.messages.append(str(kind))
        match kind:
            case "KeepAlive":
                return True
            case "Finalize":
                if self._utterance is None or self._utterance.flush:
                    await self._result(final=True, flushed=True)
                self._utterance = None
                return True
            case "CloseStream":
                await self._send({"type": "Metadata", "duration": self._now_ms / 1000, "channels": 1})
                await self._socket.close()
                return False
        error = {"variant": "SchemaError", "description": "unknown message", "message": text}
        await self._send({"type": "Error", **error})
        return True

    async def _hear(self, audio: bytes) -> bool:
        if not audio or len(audio) % 2:
            await self._socket.close(1008, "DATA-0000: the payload cannot be decoded as audio")
            return False
        if self._utterance is None:
            self._utterance = self._hears(audio)
            self._began_ms, self._settled_words, self._done = self._now_ms, 0, set()
        self._seen.audio += audio
        return await self._speak_up(self._utterance, self._now_ms - self._began_ms)

    async def _speak_up(self, said: Utterance, now_ms: int) -> bool:
        """Send what is due at ``now_ms`` of the utterance; False where the connection ends."""
        if said.fault and now_ms >= said.fault_at_ms and self._once("fault"):
            return await self._fail(said, said.fault)
        if "fault" in self._done and said.fault == "stall":
            return True
        if said.final_at_ms is not None and now_ms >= said.final_at_ms and self._once("final"):
            await self._result(final=True)
        if said.speech_final_at_ms is not None and now_ms >= said.speech_final_at_ms and self._once("speech"):
            await self._result(final=True, speech_final=True)
        if said.ends_at_ms is not None and now_ms >= said.ends_at_ms and self._once("end"):
            last = (self._began_ms + said.to_ms) / 1000
            await self._send({"type": "UtteranceEnd", "channel": [0, 1], "last_word_end": last})
        if self._now_ms - self._told_ms >= STEP_MS:
            await self._result(final=False)
        return True

    def _once(self, what: str) -> bool:
        first = what not in self._done
        self._done.add(what)
        return first

    async def _fail(self, said: Utterance, fault: Fault) -> bool:
        match fault:
            case "drop":
                self._socket.transport.abort()
                return False
            case "close":
                await self._socket.close(said.close_code, "as it was told to")
                return False
            case "malformed":
                await self._socket.send('{"type": "Resu')
            case "odd":
                await self._socket.send('{"type": "Results", "start": "soon", "channel": []}')
            case "error":
                await self._send({"type": "Error", "variant": "Internal", "description": said.message})
        return True

    async def _result(self, *, final: bool, speech_final: bool = False, flushed: bool = False) -> None:
        """``Results`` for the audio after the last final one; a flush hears all words to their end."""
        start, end = self._settled_ms, self._now_ms
        rest = self._words()[self._settled_words :]
        words = [word for word in rest if flushed or word["end"] * 1000 <= end]
        self._told_ms = end
        if final:
            self._settled_ms = end
            self._settled_words += len(words)
        text = " ".join(word["punctuated_word"] for word in words)
        alternative = {"transcript": text, "confidence": 0.98 if text else 0.0, "words": words}
        await self._send(
            {
                "type": "Results",
                "channel_index": [0, 1],
                "start": start / 1000,
                "duration": (end - start) / 1000,
                "is_final": final,
                "speech_final": speech_final or flushed,
                "from_finalize": flushed,
                "channel": {"alternatives": [alternative]},
                "metadata": {"request_id": "r-1", "model_uuid": "m-1"},
            }
        )

    def _words(self) -> list[dict[str, Any]]:
        said = self._utterance
        if said is None or not said.text:
            return []
        words = said.text.split()
        length = (said.to_ms - said.from_ms) / len(words)
        begin = self._began_ms + said.from_ms
        return [
            {
                "word": word.lower().strip(".,?!"),
                "punctuated_word": word,
                "start": round((begin + number * length) / 1000, 3),
                "end": round((begin + (number + 1) * length) / 1000, 3),
                "confidence": 0.98,
            }
            for number, word in enumerate(words)
        ]

    async def _send(self, message: dict[str, Any]) -> None:
        await self._socket.send(json.dumps(message))


def _problem(query: dict[str, str]) -> str | None:
    """Why the real server would refuse a handshake with ``query``."""
    if not query.get("model"):
        return "model: expected one"
    if query.get("encoding") != "linear16" or not query.get("sample_rate", "").isdigit():
        return "encoding: this server hears linear16 with a sample_rate"
    if "utterance_end_ms" in query:
        if query.get("interim_results") != "true":
            return "utterance_end_ms: needs interim_results=true"
        if not query["utterance_end_ms"].isdigit() or int(query["utterance_end_ms"]) < 1000:
            return "utterance_end_ms: at least 1000 were expected"
    endpointing = query.get("endpointing", "10")
    if endpointing != "false" and not endpointing.isdigit():
        return "endpointing: expected milliseconds, or false"
    if "keyterm" in query and not query["model"].startswith("nova-3"):
        return "keyterm: only nova-3 takes it"
    return None
