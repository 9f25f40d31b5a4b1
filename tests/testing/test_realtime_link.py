"""The scripted server's sockets: what is sent is an event, and a client that has gone is no error."""

from __future__ import annotations

import asyncio

import pytest

pytest.importorskip("openai", reason="needs the extra 'local'")
pytest.importorskip("websockets", reason="needs the extra 'realtime'")

from pydantic import ValidationError

from tests.support.realtime_client import client
from voicepipe.testing.realtime_server import RealtimeServer


def test_only_events_are_sent_and_each_has_an_id_of_its_own() -> None:
    async def main() -> None:
        async with RealtimeServer() as server, client(server) as caller:
            link = server.sessions[0].link
            with pytest.raises(ValidationError):
                await link.emit("input_audio_buffer.committed")
            for _ in range(2):
                await link.emit("input_audio_buffer.cleared")
            first, second = await caller.next(), await caller.next()
            assert first["event_id"] != second["event_id"]

    asyncio.run(main())


def test_a_frozen_connection_sends_nothing_and_is_given_up_with_the_server() -> None:
    async def main() -> int:
        async with RealtimeServer() as server:
            async with client(server) as caller:
                await server.drop("freeze")
                await server.sessions[0].link.emit("input_audio_buffer.cleared")
                caller.socket.transport.abort()
            assert server.open == 1
        return server.open

    assert asyncio.run(main()) == 0


def test_what_is_said_to_a_client_that_has_gone_is_lost_in_silence() -> None:
    async def main() -> None:
        async with RealtimeServer() as server:
            async with client(server):
                link = server.sessions[0].link
            await server.alone()
            await link.guarded(link.emit("input_audio_buffer.cleared"))

    asyncio.run(main())


def test_a_connection_ends_only_in_the_known_ways() -> None:
    async def main() -> None:
        async with RealtimeServer() as server, client(server):
            with pytest.raises(ValueError, match="'politely'"):
                await server.drop("politely")

    asyncio.run(main())
