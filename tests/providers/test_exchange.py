"""An utterance out and answers in, over a socket that only remembers what it is sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.workers import until
from voicepipe.core.frames import Pcm
from voicepipe.providers.exchange import MOST_HELD_S, Exchange

RATE = 1000
END = "that is all"


class Socket:
    state = SimpleNamespace(name="OPEN")

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.answers: asyncio.Queue[Any] = asyncio.Queue()  # noqa: TID251 - the other side of a wire
        self.transport = SimpleNamespace(abort=lambda: self.answers.put_nowait(ConnectionError("aborted")))

    @property
    def audio(self) -> list[int]:
        return [value for message in self.sent if isinstance(message, bytes) for value in message]

    async def send(self, message: Any) -> None:
        self.sent.append(message)

    async def recv(self) -> Any:
        answer = await self.answers.get()
        if isinstance(answer, Exception):
            raise answer
        return answer


def counted(count: int) -> Pcm:
    return (np.arange(count) % 250).astype(np.int16)


async def blocks(*sizes: int) -> AsyncIterator[Pcm]:
    start = 0
    for size in sizes:
        yield counted(start + size)[start:]
        start += size


def exchange_of(audio: AsyncIterator[Pcm], **fields: Any) -> Exchange:
    defaults: dict[str, Any] = {"patience_s": 0.01, "every_s": 60.0}
    return Exchange(
        audio,
        rate=RATE,
        encode=lambda pcm: bytes(pcm.astype(np.uint8)),
        ending=END,
        **{**defaults, **fields},
    )


@given(st.lists(st.integers(0, 700), max_size=8), st.integers(0, 8))
def test_all_audio_is_sent_in_order_whenever_the_connection_comes(sizes: list[int], turns: int) -> None:
    async def main() -> None:
        socket, exchange = Socket(), exchange_of(blocks(*sizes))
        begun = await exchange.begin()
        assert begun == (sum(sizes) > 0)
        if begun:
            for _ in range(turns):
                await asyncio.sleep(0)
            await exchange.attach(socket)
            assert await exchange.receive() is None
            assert socket.audio == counted(sum(sizes)).tolist()
            assert (socket.sent[-1], socket.sent.count(END)) == (END, 1)
            assert max(len(message) for message in socket.sent[:-1]) <= RATE // 4
            assert (exchange.samples, exchange.over) == (sum(sizes), True)
        await exchange.close()

    asyncio.run(main())


def test_what_was_read_before_the_connection_is_sent_though_the_caller_pauses() -> None:
    async def pausing() -> AsyncIterator[Pcm]:
        yield counted(20)
        await asyncio.Event().wait()

    async def main() -> None:
        socket, exchange = Socket(), exchange_of(pausing())
        await exchange.begin()
        await asyncio.sleep(0)
        await exchange.attach(socket)
        assert socket.audio == list(range(20))
        await exchange.close()

    asyncio.run(main())


def test_no_more_is_held_than_a_connection_may_take_to_open() -> None:
    read = 0

    async def endless() -> AsyncIterator[Pcm]:
        nonlocal read
        while True:
            read += 100
            yield counted(100)

    async def main() -> None:
        exchange = exchange_of(endless())
        await exchange.begin()
        for _ in range(1000):
            await asyncio.sleep(0)
        await exchange.close()

    asyncio.run(main())
    assert MOST_HELD_S * RATE <= read <= MOST_HELD_S * RATE + 300


def test_answers_come_while_audio_still_goes() -> None:
    async def main() -> None:
        go_on = asyncio.Event()

        async def caller() -> AsyncIterator[Pcm]:
            yield counted(20)
            await go_on.wait()
            yield counted(20)

        socket, exchange = Socket(), exchange_of(caller())
        await exchange.begin()
        await exchange.attach(socket)
        socket.answers.put_nowait("partial")
        assert await exchange.receive() == "partial"
        assert not exchange.over
        go_on.set()
        assert await exchange.receive() is None
        assert (exchange.over, exchange.exhausted) == (True, False)
        assert await exchange.receive() is None
        assert exchange.exhausted
        await exchange.close()

    asyncio.run(main())


def test_the_server_is_told_that_one_is_there_while_nothing_happens() -> None:
    async def silent() -> AsyncIterator[Pcm]:
        yield counted(20)
        await asyncio.Event().wait()

    async def main() -> None:
        socket, exchange = Socket(), exchange_of(silent(), keep_alive="still here", every_s=0.001)
        await exchange.begin()
        await exchange.attach(socket)
        receiving = asyncio.ensure_future(exchange.receive())
        await until(lambda: socket.sent.count("still here") >= 2)
        receiving.cancel()
        await asyncio.wait([receiving])
        await exchange.close()

    asyncio.run(main())


def test_a_failure_of_the_audio_comes_out_where_answers_are_waited_for() -> None:
    async def broken() -> AsyncIterator[Pcm]:
        yield counted(20)
        raise ZeroDivisionError

    async def main() -> None:
        exchange = exchange_of(broken())
        await exchange.begin()
        await exchange.attach(Socket())
        with pytest.raises(ZeroDivisionError):
            await exchange.receive()
        await exchange.close()

    asyncio.run(main())


def test_a_failure_of_the_socket_comes_out_as_it_is() -> None:
    async def main() -> None:
        socket, exchange = Socket(), exchange_of(blocks(20))
        await exchange.begin()
        await exchange.attach(socket)
        socket.answers.put_nowait(ConnectionError("gone"))
        with pytest.raises(ConnectionError, match="gone"):
            await exchange.receive()
        await exchange.close()

    asyncio.run(main())


def test_a_server_that_said_goodbye_but_does_not_hang_up_is_hung_up_on() -> None:
    async def main() -> None:
        socket, exchange = Socket(), exchange_of(blocks(20))
        await exchange.begin()
        await exchange.attach(socket)
        assert await exchange.receive() is None
        socket.state = SimpleNamespace(name="CLOSING")
        with pytest.raises(ConnectionError, match="aborted"):
            await exchange.receive()
        await exchange.close()

    asyncio.run(main())
