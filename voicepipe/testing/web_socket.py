"""A WebSocket server on loopback: all that the servers in here that speak over one have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Self

from voicepipe.core.extras import require

if TYPE_CHECKING:
    from websockets.asyncio.server import Server, ServerConnection
    from websockets.http11 import Request, Response


class WebSocketServer(ABC):
    """``async with`` around what needs it; a subclass answers handshakes and talks. Needs the package
    ``websockets``; raises ``SetupError`` without it."""

    extra: ClassVar[str] = "cloud"
    """What has to be installed of voicepipe."""
    options: ClassVar[Mapping[str, Any]] = {
        "compression": None,
        "close_timeout": 1,
        "max_queue": None,  # or else it wouldn't see the answer to a close behind audio that nobody reads
    }
    """For ``websockets.asyncio.server.serve``."""

    def __init__(self) -> None:
        self._server: Server | None = None

    @property
    def address(self) -> str:
        """``127.0.0.1:PORT``."""
        if self._server is None:
            raise RuntimeError("the server has not been started")
        return f"127.0.0.1:{next(iter(self._server.sockets)).getsockname()[1]}"

    @abstractmethod
    def admit(
        self, socket: ServerConnection, request: Request
    ) -> Awaitable[Response | None] | Response | None:
        """The answer to a handshake that doesn't become a connection; None: it does."""

    @abstractmethod
    async def talk(self, socket: ServerConnection) -> None:
        """All of one connection, which ends with it. The client may go at any time."""

    async def __aenter__(self) -> Self:
        server = require("websockets.asyncio.server", extra=self.extra, purpose=type(self).__name__)
        self._server = await server.serve(
            self._serve, "127.0.0.1", 0, process_request=self.admit, **self.options
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, socket: ServerConnection) -> None:
        from websockets.exceptions import ConnectionClosed  # noqa: PLC0415 - an extra

        try:
            await self.talk(socket)
        except ConnectionClosed:
            return  # the client has gone, as clients do
