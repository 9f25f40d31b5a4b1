"""A server on loopback that speaks OpenAI's transcription sessions and hears what it is told to hear.

Protocol: https://developers.openai.com/api/docs/guides/realtime-transcription and the references of client
and server events beside it, without the server's own turn detection. Events are checked with the models of
the ``openai`` package in both directions. Needs the extras ``cloud`` and ``local``.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from voicepipe.testing.realtime_link import Link
from voicepipe.testing.realtime_script import Refusal
from voicepipe.testing.realtime_wire import Refused, check_client_event
from voicepipe.testing.web_socket import WebSocketServer

Fault = Literal["drop", "reset", "expire", "malformed", "odd", "failed", "stall"]

BYTES_PER_MS = 48
SHORTEST_MS = 100
TRANSCRIPTION = "conversation.item.input_audio_transcription"


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What the server hears in one turn: one of ``deltas`` every ``step_ms`` of audio, the rest at its end.

    ``usage``: by what it is billed. ``fault`` strikes at the commit, after the deltas: ``drop``, ``reset``
    and ``expire`` end the connection, ``malformed`` sends what isn't JSON, ``odd`` an event without its
    fields, ``failed`` the news that it failed, ``stall`` nothing more.
    """

    deltas: Sequence[str] = ()
    step_ms: int = 200
    usage: Literal["duration", "tokens"] = "duration"
    fault: Fault | None = None


@dataclass(slots=True)
class Session:
    """What the server has seen of one connection. ``audio``: of each committed turn, at 24 kHz."""

    request: Request
    config: dict[str, Any] = field(default_factory=dict)
    audio: list[bytes] = field(default_factory=list)
    closed: asyncio.Event = field(default_factory=asyncio.Event)


class OpenAILiveServer(WebSocketServer):
    """``async with OpenAILiveServer(Turn(deltas=["Hello"])) as server:`` – then talk to ``server.base_url``.

    Each turn takes the next of ``turns``, or asks ``otherwise``; without one, nothing is heard in it. Each
    connection takes the next of ``refusals``.
    """

    def __init__(
        self,
        *turns: Turn,
        key: str | None = None,
        refusals: Sequence[Refusal] = (),
        otherwise: Callable[[bytes], Turn] | None = None,
    ) -> None:
        """``key``: what the client has to bring. ``otherwise`` is given the first audio of the turn."""
        super().__init__()
        self.turns = deque(turns)
        self.refusals = deque(refusals)
        self.sessions: list[Session] = []
        self.otherwise = otherwise
        self._key = key

    @property
    def base_url(self) -> str:
        return f"http://{self.address}/v1"

    def admit(self, socket: ServerConnection, request: Request) -> Response | None:
        refusal = self.refusals.popleft() if self.refusals else self._refusal(request)
        if refusal is None:
            return None
        response = socket.respond(refusal.status, json.dumps({"error": dict(refusal.error)}))
        response.headers.update(refusal.headers)
        return response

    def _refusal(self, request: Request) -> Refusal | None:
        found = request.headers.get("Authorization", "nothing")
        if self._key is not None and found != f"Bearer {self._key}":
            return Refusal(
                error={"message": f"Incorrect API key provided: {found}", "code": "invalid_api_key"}
            )
        address = urlsplit(request.path)
        if address.path != "/v1/realtime" or parse_qs(address.query) != {"intent": ["transcription"]}:
            return Refusal(status=400, error={"message": f"expected a transcription session: {request.path}"})
        return None

    async def talk(self, socket: ServerConnection) -> None:
        assert socket.request is not None, "the handshake is over"
        session = Session(socket.request)
        self.sessions.append(session)
        try:
            await _Talk(Link(socket), session, self).run()
        finally:
            session.closed.set()


class _Talk:
    """One connection: events of the client in, events of the server out."""

    def __init__(self, link: Link, session: Session, server: OpenAILiveServer) -> None:
        self._link = link
        self._session = session
        self._server = server
        self._items = count(1)
        self._item = ""
        self._previous: str | None = None
        self._buffer = bytearray()
        self._turn: Turn | None = None
        self._told = 0

    async def run(self) -> None:
        await self._link.emit("session.created", session={"type": "transcription"})
        async for message in self._link.socket:
            event = json.loads(message)
            try:
                check_client_event(event)
                await self._obey(event)
            except Refused as refused:
                await self._link.emit("error", error=refused.error)

    async def _obey(self, event: dict[str, Any]) -> None:
        match event["type"]:
            case "session.update":
                await self._configure(event["session"])
            case "input_audio_buffer.append":
                await self._hear(base64.b64decode(event["audio"], validate=True))
            case "input_audio_buffer.commit":
                await self._commit()
            case kind:
                raise Refused(f"'{kind}' has no place in a transcription session")

    async def _configure(self, config: dict[str, Any]) -> None:
        if config["type"] != "transcription":
            raise Refused("Passing a realtime session update to a transcription session is not allowed.")
        heard = config["audio"]["input"]
        if (
            heard.get("format") != {"type": "audio/pcm", "rate": 24_000}
            or heard.get("turn_detection") is not None
        ):
            raise Refused("this server takes 24 kHz PCM, and has no turn detection")
        if not heard["transcription"]["model"].startswith(("gpt-live-", "gpt-transcribe", "test-")):
            raise Refused(f"Model '{heard['transcription']['model']}' is not supported.", "model_not_found")
        self._session.config = heard["transcription"]
        await self._link.emit("session.updated", session=config)

    async def _hear(self, audio: bytes) -> None:
        if self._turn is None:
            server = self._server
            if server.turns:
                self._turn = server.turns.popleft()
            else:
                self._turn = server.otherwise(audio) if server.otherwise else Turn()
            self._item, self._told = f"item_{id(self):x}_{next(self._items)}", 0
        self._buffer += audio
        due = len(self._buffer) // BYTES_PER_MS // self._turn.step_ms
        await self._tell(self._turn, min(due, len(self._turn.deltas)))

    async def _tell(self, turn: Turn, until: int) -> None:
        for delta in turn.deltas[self._told : until]:
            await self._link.emit(f"{TRANSCRIPTION}.delta", item_id=self._item, content_index=0, delta=delta)
        self._told = max(self._told, until)

    async def _commit(self) -> None:
        turn, audio = self._turn, bytes(self._buffer)
        if turn is None or len(audio) < SHORTEST_MS * BYTES_PER_MS:
            raise Refused(
                "the buffer is too small: at least 100ms expected", "input_audio_buffer_commit_empty"
            )
        self._session.audio.append(audio)
        self._buffer.clear()
        self._turn = None
        previous, self._previous = self._previous, self._item
        await self._link.emit("input_audio_buffer.committed", item_id=self._item, previous_item_id=previous)
        await self._tell(turn, len(turn.deltas))
        match turn.fault:
            case None:
                await self._complete(turn, len(audio) / BYTES_PER_MS / 1000)
            case "stall":
                return
            case "malformed":
                await self._link.send('{"type": "conversation.it')
            case "odd":
                await self._link.send(
                    json.dumps({"type": f"{TRANSCRIPTION}.completed", "item_id": self._item})
                )
            case "failed":
                error = {"type": "server_error", "message": "no luck today"}
                await self._link.emit(
                    f"{TRANSCRIPTION}.failed", item_id=self._item, content_index=0, error=error
                )
            case ending:
                await self._link.end(ending)

    async def _complete(self, turn: Turn, seconds: float) -> None:
        usage: dict[str, Any] = {"type": "duration", "seconds": seconds}
        if turn.usage == "tokens":
            heard, said = round(seconds * 10), len("".join(turn.deltas).split())
            usage = {
                "type": "tokens",
                "input_tokens": heard,
                "output_tokens": said,
                "total_tokens": heard + said,
            }
        await self._link.emit(
            f"{TRANSCRIPTION}.completed",
            item_id=self._item,
            content_index=0,
            transcript="".join(turn.deltas),
            usage=usage,
        )
