"""As much of an HTTP/1.1 server as a test's peer needs: requests read, answers written, nothing more.

Protocol: RFC 9112. Bodies come with a Content-Length; answers are whole, or chunked.
"""

from __future__ import annotations

import asyncio
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

MOST_BODY_BYTES = 32 << 20  # a recording for transcription may have 25 MB

_REASONS = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    408: "Request Timeout",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
    529: "Overloaded",
}


@dataclass(slots=True)
class Request:
    """``headers`` have lower-case names. ``connection`` counts the server's connections from 1."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    connection: int
    hung_up: asyncio.Event = field(default_factory=asyncio.Event)
    """The client closed the connection before its answer was complete."""

    @property
    def json(self) -> Any:
        return json.loads(self.body)


async def read_request(reader: asyncio.StreamReader, connection: int) -> Request | None:
    """The next request on a connection; None if the client closed it before it had sent all of one."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        return await _read_rest(reader, head, connection)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


async def _read_rest(reader: asyncio.StreamReader, head: str, connection: int) -> Request:
    first, *lines = head.split("\r\n")
    method, path, _ = first.split(" ", 2)
    headers = {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)
    }
    length = int(headers.get("content-length", "0"))
    if length > MOST_BODY_BYTES:
        raise ValueError(f"a body of {length} bytes, at most {MOST_BODY_BYTES} were expected")
    return Request(method, path, headers, await reader.readexactly(length), connection)


def whole(
    status: int,
    content: Any,
    *,
    content_type: str = "application/json",
    headers: Mapping[str, str] | None = None,
) -> bytes:
    """A complete answer: ``content`` as JSON, or text as it is. ``headers`` come besides those it needs."""
    body = (content if isinstance(content, str) else json.dumps(content)).encode()
    more = [f"{name}: {value}" for name, value in (headers or {}).items()]
    return head(status, content_type, "\r\n".join([f"Content-Length: {len(body)}", *more])) + body


def head(status: int, content_type: str, framing: str = "Transfer-Encoding: chunked") -> bytes:
    lines = (
        f"HTTP/1.1 {status} {_REASONS.get(status, 'Status')}",
        f"Content-Type: {content_type}",
        framing,
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def chunk(data: bytes) -> bytes:
    """A piece of a chunked body; the empty one ends it."""
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


class HttpServer(ABC):
    """A server on loopback, ``async with`` around what needs it; a subclass answers."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.connections = 0
        self._server: asyncio.Server | None = None
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    @property
    def origin(self) -> str:
        """``http://127.0.0.1:PORT``."""
        if self._server is None:
            raise RuntimeError("the server has not been started")
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    @abstractmethod
    async def answer(
        self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Write the answer. False: the connection can't be used again, and is closed."""

    async def until_hung_up(self, request: Request, reader: asyncio.StreamReader) -> bool:
        """Wait for the client to close the connection, for ``return await`` in ``answer``."""
        await reader.read()
        request.hung_up.set()
        return False

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        handlers = list(self._open)
        for writer in self._open.values():
            writer.close()
        if handlers:
            await asyncio.wait(handlers)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        connection = self.connections
        handler: asyncio.Task[None] = asyncio.current_task()  # type: ignore[assignment] # asyncio made one
        self._open[handler] = writer
        try:
            while request := await read_request(reader, connection):
                self.requests.append(request)
                if not await self.answer(request, reader, writer):
                    break
                await writer.drain()
        except ConnectionError:
            return  # the client has gone, as clients do
        except RuntimeError:  # what uvloop raises then
            if not writer.is_closing():
                raise
        finally:
            del self._open[handler]
            writer.close()
