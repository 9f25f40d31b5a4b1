"""A server on loopback that speaks OpenAI's Realtime protocol and answers as it is told.

Protocol: https://developers.openai.com/api/docs/guides/realtime-websocket and the references of client and
server events beside it; the generally available version only. Every event of a client is checked with the
models of the ``openai`` package, down to unknown fields, and refused as the real server refuses it; every
event that is sent is checked with them, too. Needs the extras ``realtime`` and ``local``.

::

    async with RealtimeServer(Reply(text=["Hello", " there."]), heard=["good morning"]) as server:
        …  # realtime: {use: openai/test-model, base_url: "<server.base_url>"}
        print(server.received)
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from voicepipe.testing.realtime_link import Link
from voicepipe.testing.realtime_script import Answer, Heard, Refusal, Reply, Script
from voicepipe.testing.realtime_session import Session
from voicepipe.testing.web_socket import WebSocketServer

if TYPE_CHECKING:
    from websockets.asyncio.server import ServerConnection
    from websockets.http11 import Request, Response

_MOST_BYTES = 20 << 20
"""An ``append`` of 15 MiB is 20 MiB in base64."""


class RealtimeServer(WebSocketServer):
    """Each response takes the next of ``replies``, or asks ``answer``; each utterance the next of ``heard``.

    Without a reply left, a response is an empty one; without a transcript left, it is empty as well. Each
    connection takes the next of ``refusals``, where there is one that isn't None.
    """

    extra = "realtime"
    options: ClassVar[Mapping[str, Any]] = {
        "compression": None,
        "max_size": _MOST_BYTES,
        "ping_interval": None,
        "close_timeout": 0.5,
    }

    def __init__(
        self,
        *replies: Reply,
        heard: Iterable[Heard | str] = (),
        answer: Answer | None = None,
        refusals: Iterable[Refusal | None] = (),
        key: str | None = None,
    ) -> None:
        super().__init__()
        self.key = key
        """What a client has to bring; may be changed."""
        self.script = Script(replies, heard, answer)
        """``script.replies`` and ``script.heard`` hold what is still to come, and may be added to."""
        self.refusals = deque(refusals)
        self.refuse_all: Refusal | None = None
        """For each connection, once ``refusals`` are used up."""
        self.sessions: list[Session] = []
        """Of all connections, in their order."""
        self.handshakes: list[Request] = []
        self._open: set[Link] = set()
        self._turned_away: dict[ServerConnection, Refusal] = {}
        self._news = asyncio.Event()
        self._ending = asyncio.Event()

    @property
    def base_url(self) -> str:
        return f"http://{self.address}/v1"

    @property
    def received(self) -> list[dict[str, Any]]:
        """The events of all clients, connection after connection."""
        return [event for session in self.sessions for event in session.received]

    @property
    def open(self) -> int:
        """How many connections there are now."""
        return len(self._open)

    def kinds(self, *, audio: bool = False) -> list[str]:
        """The types of ``received``, without those of the caller's audio."""
        return [kind for event in self.received if audio or not (kind := event["type"]).endswith(".append")]

    async def seen(self, kind: str, count: int = 1) -> dict[str, Any]:
        """Wait until clients have sent ``count`` events of type ``kind``; the last of these."""
        while True:
            found = [event for event in self.received if event.get("type") == kind]
            if len(found) >= count:
                return found[count - 1]
            self._news.clear()
            await self._news.wait()

    async def alone(self) -> None:
        """Wait until all connections have ended."""
        while self._open:
            self._news.clear()
            await self._news.wait()

    # ── what happens to a call ───────────────────────────────────────────────────────────────────

    def go_on(self) -> None:
        """Replies that hold go on."""
        for session in self.sessions:
            for response in session.responses:
                response.go_on()

    async def drop(self, how: str = "drop") -> None:
        """All connections now, as ``Fault`` names it: ``drop``, ``reset``, ``freeze`` or ``expire``."""
        for link in list(self._open):
            await link.end(how)

    def abort(self) -> None:
        """Cut all connections without a word; at once, where ``drop`` has to wait."""
        for link in self._open:
            link.socket.transport.abort()

    def freeze(self) -> None:
        """Say nothing any more on the connections that there are, nor hear anything."""
        for link in self._open:
            link.freeze()

    def stop_listening(self) -> None:
        """Take no new connections."""
        assert self._server is not None, "it has been started"
        self._server.close(close_connections=False)

    # ── the server ───────────────────────────────────────────────────────────────────────────────

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.set()
        for link in self._open:
            link.thaw()
        await super().__aexit__(kind, error, trace)

    async def admit(self, socket: ServerConnection, request: Request) -> Response | None:
        """The answer to a request that doesn't become a connection."""
        self.handshakes.append(request)
        self._news.set()
        refusal = self.refusals.popleft() if self.refusals else self.refuse_all
        if refusal is None:
            refusal = self._objection(request)
        if refusal is None:
            return None
        if refusal.event or refusal.mute:
            self._turned_away[socket] = refusal
            return None
        if refusal.silent:
            await self._ending.wait()
        body = json.dumps({"error": dict(refusal.error)}) if refusal.body is None else refusal.body
        response = socket.respond(HTTPStatus(refusal.status), body)
        if refusal.body is None:
            response.headers["Content-Type"] = "application/json"
        for name, value in refusal.headers.items():
            response.headers[name] = value
        return response

    def _objection(self, request: Request) -> Refusal | None:
        url = urlsplit(request.path)
        if url.path != "/v1/realtime":
            return Refusal(status=404, error=_error(f"Invalid URL ({url.path})", None))
        if self.key is not None and request.headers.get("Authorization") != f"Bearer {self.key}":
            found = request.headers.get("Authorization", "nothing")
            return Refusal(
                status=401, error=_error(f"Incorrect API key provided: {found}", "invalid_api_key")
            )
        if "OpenAI-Beta" in request.headers:
            return Refusal(status=400, error=_error("The beta is closed.", "beta_api_shape_disabled"))
        if not parse_qs(url.query).get("model"):
            return Refusal(status=400, error=_error("You must provide a model parameter.", "missing_model"))
        return None

    async def talk(self, socket: ServerConnection) -> None:
        assert socket.request is not None, "there is no connection without a handshake"
        model = parse_qs(urlsplit(socket.request.path).query)["model"][0]
        link = Link(socket)
        refusal = self._turned_away.pop(socket, None)
        if refusal and refusal.mute:
            await socket.wait_closed()
            return
        if refusal:
            await link.emit("error", error=dict(refusal.error))
            await socket.close(3000, f"{refusal.error['type']}.{refusal.error['code']}")
            return
        session = Session(link, self.script, model, len(self.sessions) + 1, self._news.set)
        self.sessions.append(session)
        self._open.add(link)
        try:
            await session.run()
        finally:
            self._open.discard(link)
            self._news.set()


def _error(message: str, code: str | None) -> dict[str, Any]:
    return {"message": message, "type": "invalid_request_error", "param": None, "code": code}
