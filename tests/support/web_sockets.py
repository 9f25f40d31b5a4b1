"""Both sides of a WebSocket that carries a media stream, over loopback."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import serve

from voicepipe.transports.media_stream_socket import how_to_accept


def served(
    answer: Callable[[Any], Awaitable[None]],
    call: Callable[[ClientConnection], Awaitable[None]] | None = None,
    **options: Any,
) -> None:
    """One connection, accepted with ``options`` over our own; what ``answer`` raises is raised here."""

    async def main() -> None:
        answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        async def handle(connection: Any) -> None:
            try:
                await answer(connection)
            except BaseException as error:
                answered.set_exception(error)
            else:
                answered.set_result(None)

        async with serve(handle, "127.0.0.1", 0, **{**how_to_accept(), **options}) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            async with connect(f"ws://127.0.0.1:{port}", proxy=None) as connection:
                if call is not None:
                    await call(connection)
                await answered

    asyncio.run(asyncio.wait_for(main(), 10))
