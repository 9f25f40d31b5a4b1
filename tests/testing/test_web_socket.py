from __future__ import annotations

import asyncio
from typing import Any

import pytest

from voicepipe.testing.web_socket import WebSocketServer

client = pytest.importorskip("websockets.asyncio.client", reason="needs the extra 'cloud'")
exceptions = pytest.importorskip("websockets.exceptions")


class Echo(WebSocketServer):
    """Says twice what it is told, to whoever asks for /echo."""

    ended = 0

    def admit(self, socket: Any, request: Any) -> Any:
        return None if request.path == "/echo" else socket.respond(404, "not here")

    async def talk(self, socket: Any) -> None:
        try:
            while True:
                await socket.send(2 * await socket.recv())
        finally:
            self.ended += 1


def test_it_talks_to_whom_it_admits_and_refuses_others() -> None:
    async def main() -> None:
        async with Echo() as server:
            async with client.connect(f"ws://{server.address}/echo") as socket:
                await socket.send("hm")
                assert await socket.recv() == "hmhm"
            with pytest.raises(exceptions.InvalidStatus, match="404"):
                await client.connect(f"ws://{server.address}/other")

    asyncio.run(main())


def test_a_client_may_go_at_any_time_and_the_end_of_the_server_ends_all_talks() -> None:
    async def main() -> None:
        server = Echo()
        async with server:
            gone = await client.connect(f"ws://{server.address}/echo")
            gone.transport.abort()
            await client.connect(f"ws://{server.address}/echo")
        assert server.ended == 2

    asyncio.run(main())


def test_before_it_is_started_it_has_no_address() -> None:
    with pytest.raises(RuntimeError, match="has not been started"):
        _ = Echo().address
