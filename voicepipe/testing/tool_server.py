"""A server on loopback that HTTP tools ask, and that answers as it is told.

::

    async with ToolServer(Answer(content={"slot": "Thursday 10:30"})) as server:
        ...  # {http: "<server.origin>/find", allow_private: true, ...}

Each request takes the next answer; without one left it is answered with 500.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal

from voicepipe.testing.http import HttpServer, Request, chunk, head, whole

Fault = Literal["silent", "drop", "drip", "stall", "no_http"]

_DRIP_S = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the server does with one request.

    ``content`` is sent as JSON, text as it is; ``pieces`` are sent instead, one after the other. ``fault``:
    ``silent`` never answers, ``drop`` closes the connection instead, ``stall`` sends all but the end and
    nothing more, ``drip`` goes on for ever, a byte at a time, ``no_http`` answers in another language.
    """

    content: Any = ""
    status: int = 200
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    pieces: Sequence[bytes] | None = None
    fault: Fault | None = None


class ToolServer(HttpServer):
    """See the top of this file. ``requests`` are those that came, in their order."""

    def __init__(self, *answers: Answer) -> None:
        super().__init__()
        self.answers = deque(answers)
        self.asked = asyncio.Event()
        """Set when a request has come."""

    async def answer(
        self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        self.asked.set()
        answer = self.answers.popleft() if self.answers else Answer(status=500)
        match answer.fault:
            case "silent":
                return await self.until_hung_up(request, reader)
            case "drop":
                return False
            case "no_http":
                writer.write(b"220 mail.example ESMTP\r\n")
                return False
        if answer.pieces is None and answer.fault is None:
            kind, headers = answer.content_type, answer.headers
            writer.write(whole(answer.status, answer.content, content_type=kind, headers=headers))
            return True
        await self._send(answer, writer)
        if answer.fault == "drip":
            return await self._drip(request, reader, writer)
        if answer.fault == "stall":
            return await self.until_hung_up(request, reader)
        writer.write(chunk(b""))
        return True

    async def _send(self, answer: Answer, writer: asyncio.StreamWriter) -> None:
        """All of ``answer`` but the end."""
        more = "".join(f"\r\n{name}: {value}" for name, value in answer.headers.items())
        writer.write(head(answer.status, answer.content_type, f"Transfer-Encoding: chunked{more}"))
        for piece in answer.pieces if answer.pieces is not None else [str(answer.content).encode()]:
            writer.write(chunk(piece) if piece else b"")
            await writer.drain()

    async def _drip(
        self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        try:
            while not reader.at_eof():
                writer.write(chunk(b"."))
                await writer.drain()
                with suppress(TimeoutError):
                    await asyncio.wait_for(reader.read(1), _DRIP_S)
        finally:
            request.hung_up.set()
        return False
