"""Over real connections on loopback; what comes is put in where the network would, cut as a test wants it."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("websockets", reason="needs the extra 'realtime'")

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

from tests.support.web_sockets import served
from voicepipe.transports.media_stream_connection import AT_ONCE, EACH, MOST_JOINED, Direct, _unmasked
from voicepipe.transports.media_stream_socket import WebSocket, how_to_accept


def frame(data: bytes, opcode: Opcode = Opcode.TEXT, fin: bool = True) -> bytes:
    return Frame(opcode, data, fin).serialize(mask=True)


ASKED = (
    "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
"""By a client that is no package's."""


class Heard:
    """What a connection hands over, and how often it has stopped to."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []
        self.stops = 0
        self._news = asyncio.Event()

    def take(self, message: bytes) -> None:
        self.messages.append(message)
        self._news.set()

    def stop(self) -> None:
        self.stops += 1
        self._news.set()

    def listens(self, connection: Direct) -> bool:
        return connection.listen(self.take, self.stop)

    async def until(self, messages: int) -> None:
        """So many have come, or no more will be handed over: what isn't alone waits for a round."""
        while len(self.messages) < messages and not self.stops:
            await self._news.wait()
            self._news.clear()


MESSAGES = st.lists(
    st.tuples(st.sampled_from(["whole", "in parts", "binary", "with a ping"]), st.binary(max_size=300)),
    max_size=8,
)


@settings(max_examples=30, deadline=None)
@given(sent=MESSAGES, cuts=st.lists(st.integers(1, 400), max_size=20))
def test_every_message_comes_once_and_in_order_however_it_was_sent_and_cut(
    sent: list[tuple[str, bytes]], cuts: list[int]
) -> None:
    data = b""
    for how, message in sent:
        if how == "with a ping":
            data += frame(b"still there?", Opcode.PING)
        if how == "in parts":
            data += frame(message[:100], fin=False) + frame(message[100:], Opcode.CONT)
        else:
            data += frame(message, Opcode.BINARY if how == "binary" else Opcode.TEXT)

    async def answer(connection: Direct) -> None:
        heard = Heard()
        assert heard.listens(connection)
        left = data
        for size in [*cuts, len(data)]:
            if left:
                connection.data_received(left[:size])
            left = left[size:]
        await heard.until(len(sent))
        while len(heard.messages) < len(sent):
            heard.messages.append(await connection.recv(decode=False))
        assert [bytes(message) for message in heard.messages] == [message for _, message in sent]
        assert connection.listen(print, heard.stop), "all that came has been read"

    served(answer)


def test_who_has_read_what_the_package_was_left_is_handed_the_rest_again() -> None:
    async def answer(connection: Direct) -> None:
        heard = Heard()
        assert heard.listens(connection)
        connection.data_received(frame(b"one") + frame(b"tw", fin=False))
        assert (heard.messages, heard.stops) == ([b"one"], 1)
        assert not heard.listens(connection), "a message is half there"
        connection.data_received(frame(b"o", Opcode.CONT) + frame(b"three"))
        assert not heard.listens(connection)
        assert await connection.recv() == "two"
        assert not heard.listens(connection), "three came meanwhile"
        assert await connection.recv() == "three"
        assert heard.listens(connection)
        connection.data_received(frame(b"four"))
        heard.stops = 0
        await heard.until(2)
        assert heard.messages == [b"one", b"four"]
        connection.unlisten()
        connection.data_received(frame(b"five"))
        assert await connection.recv() == "five"

    served(answer)


def test_others_have_a_turn_in_the_midst_of_what_piled_up() -> None:
    message = bytes(AT_ONCE // 10 - EACH)

    async def answer(connection: Direct) -> None:
        turns = [0]

        def take(message: bytes) -> None:
            turns[-1] += 1

        assert connection.listen(take, lambda: None)
        connection.data_received(frame(message) * 25)
        assert not connection.transport.is_reading()
        while sum(turns) < 25:
            turns.append(0)
            await asyncio.sleep(0)
        assert [count for count in turns if count] == [10, 10, 5]
        assert connection.transport.is_reading()

    served(answer)


@pytest.mark.parametrize("opcode", [Opcode.TEXT, Opcode.PONG], ids=["messages", "pongs"])
def test_what_is_empty_takes_its_time_too(opcode: Opcode) -> None:
    async def answer(connection: Direct) -> None:
        heard = Heard()
        assert heard.listens(connection)
        connection.data_received(frame(b"", opcode) * 1000 + frame(b"last"))
        turns = 1
        while b"last" not in heard.messages:
            assert len(heard.messages) <= turns * AT_ONCE // EACH
            turns += 1
            await asyncio.sleep(0)
        assert turns > 1000 * EACH // AT_ONCE

    served(answer)


def test_nothing_more_is_received_while_much_waits_for_a_round() -> None:
    async def answer(connection: Direct) -> None:
        heard = Heard()
        assert heard.listens(connection)
        connection.data_received(frame(b"one"))
        connection.data_received(frame(bytes(500)))
        assert connection.transport.is_reading()
        count = MOST_JOINED // 500
        connection.data_received(frame(bytes(500)) * count)
        assert not connection.transport.is_reading()
        await heard.until(2 + count)
        assert [len(message) for message in heard.messages] == [3] + [500] * (1 + count)
        assert connection.transport.is_reading()

    served(answer)


def test_a_message_that_is_longer_than_what_is_handed_over_at_once_is_handed_over_alone() -> None:
    async def answer(connection: Direct) -> None:
        heard = Heard()
        assert heard.listens(connection)
        connection.data_received((frame(bytes(2 * AT_ONCE)) + frame(b"x")) * 2)
        for count in (1, 2, 3, 4):
            assert [len(message) for message in heard.messages] == [2 * AT_ONCE, 1, 2 * AT_ONCE, 1][:count]
            await asyncio.sleep(0)

    served(answer)


def test_what_waits_for_a_round_is_handed_over_before_the_end_is_told() -> None:
    order: list[bytes] = []

    async def answer(connection: Direct) -> None:
        assert connection.listen(order.append, lambda: order.append(b"the end"))
        connection.data_received(frame(b"one"))
        connection.data_received(frame(b"two") + frame(b"bye", Opcode.CLOSE))
        connection.data_received(frame(b"late"))
        assert order == [b"one"]
        connection.transport.abort()
        await connection.wait_closed()

    served(answer)
    assert order == [b"one", b"two", b"the end"]


MANY = [b"%02d" % number + bytes(AT_ONCE // 10 - EACH - 2) for number in range(34)] + [b"stop"]


@pytest.mark.parametrize("how", ["eof", "lost"])
@pytest.mark.parametrize("waits", ["for a round", "for its turn"])
def test_a_burst_at_a_connections_end_is_handed_over_in_portions_and_then_the_end_is_told(
    how: str, waits: str
) -> None:
    turns: list[list[bytes]] = [[]]

    async def answer(connection: Direct) -> None:
        assert connection.listen(lambda got: turns[-1].append(got), lambda: turns[-1].append(b"the end"))
        if waits == "for a round":
            connection.data_received(frame(MANY[0]))
            connection.data_received(b"".join(map(frame, MANY[1:])))
        else:
            connection.data_received(b"".join(map(frame, MANY)))
        if how == "eof":
            connection.eof_received()
        connection.transport.abort()
        while turns[-1][-1:] != [b"the end"]:
            turns.append([])
            await asyncio.sleep(0)
        await connection.wait_closed()

    served(answer)
    assert [got for turn in turns for got in turn] == [*MANY, b"the end"]
    assert max(map(len, turns)) <= 11, "ten in the first turn, one alone before what waits for a round"


def test_what_comes_behind_the_last_message_that_is_listened_to_is_read_before_the_end() -> None:
    async def answer(connection: Direct) -> None:
        heard = Heard()
        assert heard.listens(connection)
        connection.data_received(b"".join(map(frame, MANY)))
        connection.transport.abort()
        await asyncio.sleep(0)
        count = len(heard.messages)
        assert count < len(MANY)
        connection.unlisten()
        assert [await connection.recv(decode=False) for _ in MANY[count:]] == MANY[count:]
        with pytest.raises(ConnectionClosed):
            await connection.recv()

    served(answer)


def test_nothing_is_sent_over_a_connection_whose_end_is_told_later(caplog: pytest.LogCaptureFixture) -> None:
    async def answer(connection: Direct) -> None:
        heard = Heard()
        assert heard.listens(connection)
        connection.data_received(b"".join(map(frame, MANY)))
        connection.transport.abort()
        await asyncio.sleep(0)
        assert connection.state is connection.opened
        for _ in range(10):
            WebSocket(connection).send("hello")
        await heard.until(len(MANY) + 1)

    served(answer)
    assert not caplog.records


def test_a_burst_is_heard_to_its_end_from_a_far_side_that_leaves_right_behind_it() -> None:
    async def main() -> list[bytes]:
        heard = Heard()
        first, ended = asyncio.Event(), asyncio.Event()

        async def handle(connection: Any) -> None:
            assert heard.listens(connection)
            await heard.until(1)
            first.set()
            while not heard.stops:
                await heard.until(len(heard.messages) + 1)
            ended.set()

        async with serve(handle, "127.0.0.1", 0, **how_to_accept()) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(ASKED.encode())
            await reader.readuntil(b"\r\n\r\n")
            writer.write(frame(MANY[0]))
            await first.wait()
            writer.write(b"".join(map(frame, MANY[1:])))
            writer.write_eof()
            await ended.wait()
            writer.close()
        return heard.messages

    assert asyncio.run(asyncio.wait_for(main(), 10)) == MANY


def test_pings_are_answered_while_somebody_listens_and_a_farewell_ends_it() -> None:
    stopped = asyncio.Event()

    async def answer(connection: Direct) -> None:
        assert connection.listen(print, stopped.set)
        await stopped.wait()
        assert not connection.listen(print, stopped.set)
        assert await WebSocket(connection).receive() is None

    async def call(connection: ClientConnection) -> None:
        await (await connection.ping())
        assert not stopped.is_set()
        await connection.close()

    served(answer, call)


@pytest.mark.parametrize(
    "data",
    [
        Frame(Opcode.TEXT, b"bare").serialize(mask=False),
        b"\x81\xff" + bytes(5) + b"\2\0\0",
        b"\x83\x80" + bytes(4),
    ],
    ids=["without a mask", "too long", "of a kind that isn't known"],
)
def test_what_breaks_the_protocol_is_for_the_package_to_refuse(data: bytes) -> None:
    async def answer(connection: Direct) -> None:
        heard = Heard()
        assert heard.listens(connection)
        connection.data_received(frame(b"fine") + data)
        assert (heard.messages, heard.stops) == ([b"fine"], 1)
        with pytest.raises(ConnectionClosed):
            await connection.recv()
        assert not heard.listens(connection)

    served(answer)


def test_a_connection_that_compresses_hands_nothing_over() -> None:
    async def answer(connection: Direct) -> None:
        assert not Heard().listens(connection)
        assert await connection.recv() == "hello"

    async def call(connection: ClientConnection) -> None:
        await connection.send("hello")

    served(answer, call, compression="deflate")


def test_frames_that_were_sent_before_the_answer_are_the_packages_own() -> None:
    async def main() -> list[Any]:
        heard: list[Any] = []
        done = asyncio.Event()

        async def handle(connection: Any) -> None:
            heard.append(Heard().listens(connection))
            heard.append(await connection.recv())
            done.set()

        async with serve(handle, "127.0.0.1", 0, **how_to_accept()) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(ASKED.encode() + frame(b"early"))
            await done.wait()
            writer.close()
        return heard

    assert asyncio.run(asyncio.wait_for(main(), 10)) == [False, "early"]


@given(st.binary(max_size=70), st.binary(min_size=4, max_size=4))
def test_a_mask_is_taken_off_byte_by_byte(payload: bytes, mask: bytes) -> None:
    masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))
    before = os.urandom(3)
    assert _unmasked(before + mask + masked + b"next", 3, 7 + len(masked)) == payload
