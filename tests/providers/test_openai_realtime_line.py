"""The socket: what is sent is JSON in UTF-8, and every failure is in our terms."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

pytest.importorskip("openai", reason="needs the extra 'local'")
pytest.importorskip("websockets", reason="needs the extra 'realtime'")

from websockets.exceptions import ConnectionClosedError
from websockets.frames import Close

from tests.support.realtime import a_config
from tests.support.workers import make_host
from voicepipe.errors import ProviderError
from voicepipe.providers.openai_realtime_line import Line
from voicepipe.providers.vendor_errors import broken_off
from voicepipe.providers.web_socket import WebSockets
from voicepipe.testing.realtime_server import RealtimeServer


async def a_line(server: RealtimeServer) -> Line:
    web = WebSockets(a_config(server.base_url), make_host())
    await web.load("test-model")
    return Line(await web.open("/realtime?model=test-model"), web, None)


def test_what_is_sent_arrives_as_it_is() -> None:
    async def main() -> Any:
        async with RealtimeServer() as server:
            line = await a_line(server)
            item = {
                "type": "message",
                "role": "user",
                "content": [{"type": "input_text", "text": "Malmö 👋"}],
            }
            await line.send({"type": "conversation.item.create", "item": item})
            event = await server.seen("conversation.item.create")
            await line.close()
            return event["item"] == item

    assert asyncio.run(main())


def test_a_server_that_answers_no_pings_is_gone_and_has_not_failed() -> None:
    web = WebSockets(a_config(), make_host())
    asyncio.run(web.load("test-model"))
    ours, theirs = Close(1011, "keepalive ping timeout"), Close(1011, "internal error")
    assert web.error(ConnectionClosedError(None, ours)).kind == "connection"
    assert web.error(ConnectionClosedError(theirs, theirs, True)).kind == "server"


def test_numbers_are_never_given_twice() -> None:
    async def main() -> list[int]:
        async with RealtimeServer() as server:
            line = await a_line(server)
            await line.close()
            return [line.number() for _ in range(3)]

    assert asyncio.run(main()) == [1, 2, 3]


def test_after_the_end_neither_sending_nor_reading_works() -> None:
    async def main() -> None:
        async with RealtimeServer() as server:
            line = await a_line(server)
            await line.receive()
            await line.close()
            with pytest.raises(ProviderError):
                await line.send({"type": "response.create"})
            with pytest.raises(ProviderError):
                await line.receive()

    asyncio.run(main())


def test_a_line_that_was_given_up_sends_nothing_more() -> None:
    async def main() -> None:
        async with RealtimeServer() as server:
            line = await a_line(server)
            line.lost = lambda: broken_off("openai", "given up")
            with pytest.raises(ProviderError, match="given up"):
                await line.send_text(b"{}")
            await line.close()
            assert server.received == []

    asyncio.run(main())
