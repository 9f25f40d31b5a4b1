"""HTTP to addresses that were looked at first, for servers that a pipeline file names.

A name is resolved here, once, and the connection goes to the very addresses that were checked: a name server
that tells another address a moment later can't lead it elsewhere. Proxies of the environment aren't used, for
the same reason; ``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` are.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any, Self

from voicepipe.core.addresses import is_public, is_usable
from voicepipe.core.calls import Workers
from voicepipe.core.extras import require
from voicepipe.core.units import SECOND
from voicepipe.errors import ToolError

CONNECT_S = 5.0
"""A TCP and TLS handshake around the world takes 1 s; a caller doesn't wait longer than this anyway."""

KEEP_ALIVE_S = 120.0
"""Between two calls of a tool a caller may be silent, and a new TLS connection costs two round trips."""

REMEMBERED_S = 60.0
"""Addresses that were checked are used again for so long; a look-up may cost 20 ms of the answer."""

MOST_ADDRESSES = 4
"""Of one name, that are tried one after the other."""

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""``await resolve(host, port)``: its addresses, the preferred ones first; raises ``OSError``."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Where a server may be. Plain ``http`` only goes to addresses that aren't public."""

    allow_private: bool = False

    def permits(self, address: str, scheme: str) -> bool:
        one = ipaddress.ip_address(address.partition("%")[0])
        if not is_usable(one):
            return False
        return scheme == "https" if is_public(one) else self.allow_private


def resolver(workers: Workers) -> Resolve:
    """The computer's own look-up, in a worker: it blocks, for as long as its name servers please."""

    async def resolve(host: str, port: int) -> list[str]:
        look_up = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        try:
            found = await workers.call(look_up, deadline_ns=round(CONNECT_S * SECOND))
        except UnicodeError as error:  # a name that is none
            raise OSError(str(error)) from None
        return list(dict.fromkeys(str(one[4][0]) for one in found))

    return resolve


def make_client(
    reach: Reach,
    resolve: Resolve,
    *,
    headers: dict[str, str],
    extra: str,
    purpose: str,
    most_bytes: int | None = None,
) -> tuple[Any, Any]:
    """An ``httpx2.AsyncClient`` without redirects, retries, cookies and time-outs but one; the package.

    Blocks for some 0.1 s, since it imports the package. ``most_bytes`` bounds a whole answer that isn't an
    endless stream of events. Raises ``SetupError`` without the package.
    """
    http = require("httpx2", extra=extra, purpose=purpose)
    transport = CheckedTransport(http, reach, resolve, most_bytes)
    client = http.AsyncClient(
        transport=transport,
        headers={"accept-encoding": "identity", "user-agent": "voicepipe", **headers},
        timeout=http.Timeout(None, connect=CONNECT_S),
        follow_redirects=False,
        trust_env=False,
    )
    return client, http


class CheckedTransport:
    """A transport for ``httpx2.AsyncClient``; see the top of this file."""

    def __init__(self, http: Any, reach: Reach, resolve: Resolve, most_bytes: int | None = None) -> None:
        self._http = http
        self._reach = reach
        self._resolve = resolve
        self._most_bytes = most_bytes
        self._inner = http.AsyncHTTPTransport(limits=http.Limits(keepalive_expiry=KEEP_ALIVE_S))
        self._known: dict[tuple[str, int, str], tuple[float, list[str]]] = {}

    async def handle_async_request(self, request: Any) -> Any:
        """Send ``request`` to the first of its host's permitted addresses that takes the connection."""
        host = request.url.host
        failed: Exception | None = None
        for address in await self._addresses(request.url):
            there = self._http.Request(
                request.method,
                request.url.copy_with(host=address.partition("%")[0]),
                headers=request.headers,  # "Host" among them
                stream=request.stream,
                extensions={**request.extensions, "sni_hostname": host},
            )
            try:
                response = await self._inner.handle_async_request(there)
            except (self._http.ConnectError, self._http.ConnectTimeout) as error:
                failed = error  # nothing was sent
                continue
            return await self._bounded(response)
        self._known.clear()
        raise failed or self._http.ConnectError("the name has no address")

    async def _addresses(self, url: Any) -> list[str]:
        port = url.port or (443 if url.scheme == "https" else 80)
        key, now = (url.host, port, url.scheme), asyncio.get_running_loop().time()
        until, found = self._known.get(key, (0.0, []))
        if until > now:
            return found
        try:
            found = await self._resolve(url.host, port)
        except (OSError, TimeoutError) as error:
            raise self._http.ConnectError(f"the name can't be resolved: {error}") from None
        permitted = [one for one in found if self._reach.permits(one, url.scheme)][:MOST_ADDRESSES]
        if found and not permitted:
            raise ToolError(
                "the server was not asked: its address isn't one that may be asked this way",
                hint="An address in a private network needs 'allow_private: true', a public one https.",
            )
        self._known = {key: (now + REMEMBERED_S, permitted)}  # a client has one server
        return permitted

    async def _bounded(self, response: Any) -> Any:
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            await response.aclose()  # unpacked, a few bytes may become gigabytes
            raise self._http.RemoteProtocolError("the answer is packed, which wasn't asked for")
        # Several callers share the client: what a server wants to know again of one mustn't reach another.
        response.headers.pop("set-cookie", None)
        if self._most_bytes is not None and "event-stream" not in response.headers.get("content-type", ""):
            response.stream = _bounded_stream(self._http, response.stream, self._most_bytes)
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


def _bounded_stream(http: Any, stream: Any, most_bytes: int) -> Any:
    class Bounded(http.AsyncByteStream):  # type: ignore[misc] # the base is known when the package is
        async def __aiter__(self) -> AsyncIterator[bytes]:
            left = most_bytes
            async for part in stream:
                left -= len(part)
                if left < 0:
                    raise http.StreamError(f"the answer is longer than {most_bytes} bytes")
                yield part

        async def aclose(self) -> None:
            await stream.aclose()

    return Bounded()
