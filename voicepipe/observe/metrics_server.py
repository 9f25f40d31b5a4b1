"""A page for Prometheus to fetch, by HTTP/1.1: a GET of ``/metrics``, and the connection is closed.

Who asks over loopback has to call this computer by a loopback name, or by the host that was configured: a
page of the web whose name was made to resolve to 127.0.0.1 ("DNS rebinding") sends its own name as the Host,
and would read what the browser may read. Any port will do: that of a tunnel's other end is none of ours. From
elsewhere any name is right, since nobody here knows it.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable
from urllib.parse import urlsplit

from voicepipe.core.addresses import is_loopback_host
from voicepipe.core.calls import Workers
from voicepipe.errors import SetupError

MAX_HEAD = 8192
"""Bytes of a request. Prometheus sends some 300."""

PATIENCE_S = 5.0
"""For a request to come, and for an answer to be taken."""

MAX_CONNECTIONS = 8
"""At once; more are dropped. Prometheus needs one."""


class MetricsServer:
    """``page`` gives the content type and the text; it is called in a worker, since it may take a while."""

    def __init__(self, page: Callable[[], tuple[str, bytes]], workers: Workers) -> None:
        self._page = page
        self._workers = workers
        self._server: asyncio.Server | None = None
        self._host = ""
        self._open = 0

    async def start(self, host: str, port: int) -> int:
        """Listen, and return the port. Raises ``SetupError`` if that can't be done there."""
        self._host = host
        try:
            self._server = await asyncio.start_server(self._serve, host, port, limit=MAX_HEAD)
        except OSError as error:
            taken = error.errno == errno.EADDRINUSE
            raise SetupError(
                f"metrics can't be served at {host}:{port}: {error.strerror or error}",
                hint=(
                    "another process has that port, maybe another pipeline; choose another one:"
                    " metrics.prometheus.port"
                    if taken
                    else "metrics.prometheus.host has to be an address of this computer"
                ),
            ) from None
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Listen no more. What is being answered is broken off."""
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._open >= MAX_CONNECTIONS:
            writer.transport.abort()  # without a word: to be polite takes a descriptor that calls may need
            return
        self._open += 1
        try:
            async with asyncio.timeout(PATIENCE_S):
                address, *_ = writer.get_extra_info("sockname") or ("localhost",)
                status, kind, body = await self._answer(reader, local=is_loopback_host(address))
                head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
                if not writer.is_closing():  # uvloop raises where asyncio lets it pass
                    writer.write(f"{head}Connection: close\r\n\r\n".encode() + body)
                    await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # nobody waits for an answer
        finally:
            self._open -= 1
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, *, local: bool) -> tuple[str, str, bytes]:
        """``local``: the request came over loopback."""
        head = await reader.readuntil(b"\r\n\r\n")
        if local and not is_meant(head, self._host):
            return "421 Misdirected Request", "text/plain", b"expected 'Host: localhost', with any port\n"
        method, _, rest = head.partition(b" ")
        path = rest.partition(b" ")[0].partition(b"?")[0]
        if path != b"/metrics":
            return "404 Not Found", "text/plain", b"the metrics are at /metrics\n"
        if method != b"GET":
            return "405 Method Not Allowed", "text/plain", b"expected GET\n"
        return "200 OK", *await self._workers.call(self._page)


def is_meant(head: bytes, host: str) -> bool:
    """Whether the one Host of a request (RFC 9112, 3.2) is a loopback name or ``host``, with any port."""
    lines = (line.partition(b":") for line in head.split(b"\r\n")[1:])
    hosts = [value.strip().decode("latin-1") for name, _, value in lines if name.lower() == b"host"]
    if len(hosts) != 1:
        return False
    try:
        asked = urlsplit(f"//{hosts[0]}")
        named, _ = (asked.hostname or "").rstrip("."), asked.port  # which may be no number
    except ValueError:
        return False
    return asked.netloc == hosts[0] and (is_loopback_host(named) or named == host.lower())
