"""A server that answers as a good one does until it is told not to, and then does it badly."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress
from typing import Any

from voicepipe.testing.chaos.faults import Fault
from voicepipe.testing.http import HttpServer, Request, chunk, head, whole

DRIP_BYTES, DRIP_S = 4, 0.2
"""20 bytes a second: a first event takes some seconds, and an answer minutes."""

_RATE_LIMIT = {"error": {"message": "Rate limit reached", "type": "requests", "code": "rate_limit_exceeded"}}
_BROKEN = {"error": {"message": "The server had an error", "type": "server_error", "code": None}}
_PAGE = "<!doctype html><title>Welcome</title><p>Please accept the terms of this network."
_GARBAGE = b'data: {"type": "\x00\x1b[31m", "choi\n\nevent: ?\ndata: }{\n\n'
_CUT_CHARACTER = b'data: {"text": "caf\xc3'


class ChaoticServer(HttpServer):
    """``async with ChaoticServer(good, nan=…) as server: … await server.strike("hang")``.

    ``good`` is never started itself: it is asked for its answers, which this server sends as they are, or
    spoilt. ``nan`` is the body of an answer of its protocol with what isn't a number in it.
    """

    def __init__(self, good: HttpServer, *, nan: bytes, drip_s: float = DRIP_S) -> None:
        """``drip_s``: how long a drip waits between two drops of ``DRIP_BYTES``."""
        super().__init__()
        self.fault: Fault | None = None
        self._good = good
        self._nan = nan
        self._drip_s = drip_s

    def strike(self, fault: Fault) -> None:
        """From the next request on; ``refuse`` at once."""
        self.fault = fault
        if fault == "refuse":
            assert self._server is not None, "it has been started"
            self._server.close()
            for writer in self._open.values():
                reset(writer)

    async def answer(
        self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        good = _Taken()
        reusable = await self._good.answer(request, reader, good)  # type: ignore[arg-type] # as far as used
        match self.fault:
            case None:
                writer.write(bytes(good.written))
                return reusable
            case "429":
                writer.write(whole(429, _RATE_LIMIT))
            case "500":
                writer.write(whole(500, _BROKEN))
            case "content_type":
                writer.write(whole(200, _PAGE, content_type="text/html; charset=utf-8"))
            case "half_open":
                return await self.until_hung_up(request, reader)
            case "slow_drip":
                return await self._drip(bytes(good.written), request, reader, writer)
            case "reset" | "refuse":
                writer.write(good.half)
                await writer.drain()
                reset(writer)
                return False
            case "hang":
                writer.write(good.half)
                await writer.drain()
                return await self.until_hung_up(request, reader)
            case "garbage":
                return good.write_spoilt(writer, [*good.first_half, _GARBAGE])
            case "cut_utf8":
                return good.write_spoilt(writer, [*good.first_half, _CUT_CHARACTER])
            case "nan":
                return good.write_spoilt(writer, [self._nan])
        return True

    async def _drip(
        self, answer: bytes, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        beginning = answer.index(b"\r\n\r\n") + 4
        writer.write(answer[:beginning])
        for start in range(beginning, len(answer), DRIP_BYTES):
            writer.write(answer[start : start + DRIP_BYTES])
            await writer.drain()
            with suppress(TimeoutError):
                if not await asyncio.wait_for(reader.read(1), self._drip_s):
                    request.hung_up.set()
                    return False
        return True


def reset(writer: asyncio.StreamWriter) -> None:
    """End a connection with a reset (RST), as who crashes does; closing it would be an end in good order."""
    connection: socket.socket = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


class _Taken:
    """As much of a writer as a good server needs: what it writes can be sent in another way."""

    def __init__(self) -> None:
        self.written = bytearray()

    def write(self, data: bytes) -> None:
        self.written += data

    async def drain(self) -> None:
        await asyncio.sleep(0)

    @property
    def half(self) -> bytes:
        """The first half of the answer, on the wire."""
        beginning = self.written.index(b"\r\n\r\n") + 4
        return bytes(self.written[: beginning + (len(self.written) - beginning) // 2])

    @property
    def first_half(self) -> list[bytes]:
        """The first half of its events, or of its body."""
        pieces = self._pieces
        return pieces[: len(pieces) // 2] if len(pieces) > 1 else [pieces[0][: len(pieces[0]) // 2]]

    def write_spoilt(self, writer: asyncio.StreamWriter, pieces: list[bytes]) -> bool:
        """``pieces`` in place of the body, in good order otherwise."""
        lines = bytes(self.written).partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
        kind = next(line for line in lines if line.lower().startswith("content-type:"))
        writer.write(head(200, kind.partition(":")[2].strip()))
        for piece in pieces:
            writer.write(chunk(piece) if piece else b"")
        writer.write(chunk(b""))
        return True

    @property
    def _pieces(self) -> list[bytes]:
        """The chunks of the body, or all of it."""
        lines, _, body = bytes(self.written).partition(b"\r\n\r\n")
        if b"transfer-encoding: chunked" not in lines.lower():
            return [body]
        pieces: list[bytes] = []
        while body:
            size, _, body = body.partition(b"\r\n")
            length = int(size, 16)
            if length:
                pieces.append(body[:length])
            body = body[length + 2 :]
        return pieces or [b""]


def event(data: Any) -> bytes:
    """A server-sent event; ``data`` is text already."""
    return f"data: {data}\n\n".encode()
