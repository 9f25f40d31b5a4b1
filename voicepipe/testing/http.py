"""As much of an HTTP/1.1 server as a test's peer needs: requests read, answers written, nothing more.

Protocol: RFC 9112. Bodies come with a Content-Length; answers are whole, or chunked.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

MOST_BODY_BYTES = 4 << 20

_REASONS = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    408: "Request Timeout",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
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
    """The next request on a connection; None if the client closed it instead."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    first, *lines = head.split("\r\n")
    method, path, _ = first.split(" ", 2)
    headers = {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)
    }
    length = int(headers.get("content-length", "0"))
    if length > MOST_BODY_BYTES:
        raise ValueError(f"a body of {length} bytes, at most {MOST_BODY_BYTES} were expected")
    return Request(method, path, headers, await reader.readexactly(length), connection)


def whole(status: int, content: Any, *, content_type: str = "application/json") -> bytes:
    """A complete answer: ``content`` as JSON, or text as it is."""
    body = (content if isinstance(content, str) else json.dumps(content)).encode()
    return head(status, content_type, f"Content-Length: {len(body)}") + body


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
