"""Over real connections on loopback; nothing here waits for time to pass."""

from __future__ import annotations

import asyncio
import socket

import numpy as np
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.server import ServerConnection

from tests.support.web_sockets import served
from voicepipe.audio.g711 import encode_ulaw
from voicepipe.core.clock import Clock
from voicepipe.core.frames import AudioIn
from voicepipe.testing.media_stream_caller import MediaStreamCaller
from voicepipe.transports.media_stream import MediaStream
from voicepipe.transports.media_stream_protocol import MOST_BYTES
from voicepipe.transports.media_stream_socket import WebSocket


def test_a_call_over_a_real_connection_is_heard_on_both_sides() -> None:
    said = [encode_ulaw(np.full(160, level, np.int16)) for level in (1000, 2000, 3000)]
    heard: list[AudioIn] = []

    class Out:
        def offer(self, frame: AudioIn) -> None:
            heard.append(frame)

    async def answer(connection: ServerConnection) -> None:
        stream = await MediaStream.begin(WebSocket(connection))
        ends = stream.ends(Clock())
        await ends.output.write(np.full(160, 5000, np.int16))
        await ends.caller.run(Out(), None)  # type: ignore[arg-type] # neither needs more than it has
        assert ends.caller.stopped

    async def call(connection: ClientConnection) -> None:
        caller = MediaStreamCaller(WebSocket(connection), Clock())
        caller.begin()
        caller.take(await connection.recv())
        assert caller.heard[0][1].size == 160
        for ulaw in said:
            caller.say(ulaw)
        caller.stop()

    served(answer, call)
    assert [encode_ulaw(frame.pcm) for frame in heard] == said


def test_a_message_is_sent_at_once_and_uncompressed() -> None:
    async def answer(connection: ServerConnection) -> None:
        assert connection.transport.get_extra_info("socket").getsockopt(
            socket.IPPROTO_TCP, socket.TCP_NODELAY
        )
        assert connection.protocol.extensions == []
        end = WebSocket(connection)
        end.send("hello")
        assert end.unsent() == 0
        assert await end.receive() == b"you"

    async def call(connection: ClientConnection) -> None:
        assert await connection.recv() == "hello"
        await connection.send("you")

    served(answer, call)


def test_the_end_of_a_connection_is_none_however_it_came_and_sending_goes_nowhere_then() -> None:
    async def answer(connection: ServerConnection) -> None:
        end = WebSocket(connection)
        assert await end.receive() is None
        end.send("is anybody there")
        assert await end.receive() is None

    async def close(connection: ClientConnection) -> None:
        await connection.close()

    async def abort(connection: ClientConnection) -> None:
        WebSocket(connection).abort()

    async def oversize(connection: ClientConnection) -> None:
        await connection.send("x" * (MOST_BYTES + 1))

    for call in (close, abort, oversize):
        served(answer, call)


def test_what_the_far_side_doesnt_read_is_seen() -> None:
    seen = asyncio.Event()

    async def answer(connection: ServerConnection) -> None:
        end = WebSocket(connection)
        connection.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        for _ in range(20_000):  # far more than loopback holds
            end.send("x" * 4096)
            if end.unsent():
                break
        assert end.unsent() > 0
        end.abort()
        seen.set()
        assert await end.receive() is None

    async def call(connection: ClientConnection) -> None:
        connection.transport.pause_reading()
        await seen.wait()
        WebSocket(connection).abort()

    served(answer, call)
