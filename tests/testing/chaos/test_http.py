"""A chaotic server is a good one until it is struck."""

from __future__ import annotations

import asyncio

import pytest

from voicepipe.testing.chaos.faults import Fault
from voicepipe.testing.chaos.http import DRIP_BYTES, DRIP_S, ChaoticServer
from voicepipe.testing.http import Request, chunk, head
from voicepipe.testing.tool_server import Answer, ToolServer

PIECES = [b"data: one\n\n", b"data: two\n\n", b"data: three\n\n", b"data: four\n\n"]
GOOD = head(200, "text/event-stream") + b"".join(map(chunk, PIECES)) + chunk(b"")


class Good(ToolServer):
    async def answer(self, request: Request, *streams: object) -> bool:
        self.answers.append(Answer(pieces=PIECES, content_type="text/event-stream"))
        return await super().answer(request, *streams)  # type: ignore[arg-type] # the two that it was given


def chaotic(drip_s: float = DRIP_S) -> ChaoticServer:
    return ChaoticServer(Good(), nan=b"data: NaN\n\n", drip_s=drip_s)


async def ask(server: ChaoticServer) -> bytes:
    """All that comes until the server closes the connection, or ends its answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(server.origin.rpartition(":")[2]))
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    data = b""
    try:
        while not data.endswith(b"\r\n0\r\n\r\n") and (more := await reader.read(4096)):
            data += more
    finally:
        writer.close()
    return data


async def ask_once_struck(fault: Fault) -> bytes:
    async with chaotic() as server:
        assert await ask(server) == GOOD
        server.strike(fault)
        return await ask(server)


def body(data: bytes) -> bytes:
    return data.partition(b"\r\n\r\n")[2]


def test_it_answers_as_the_good_one_does() -> None:
    async def main() -> None:
        async with chaotic() as server:
            assert await ask(server) == GOOD

    asyncio.run(main())


@pytest.mark.parametrize("status", ["429", "500"])
def test_a_status_is_answered_with_the_error_that_vendors_send(status: Fault) -> None:
    async def main() -> None:
        async with chaotic() as server:
            server.strike(status)
            reader, writer = await asyncio.open_connection("127.0.0.1", int(server.origin.rpartition(":")[2]))
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(f"HTTP/1.1 {status} ".encode())
            assert b"application/json" in head
            writer.close()

    asyncio.run(main())


def test_what_is_refused_finds_nobody_and_open_connections_are_cut() -> None:
    async def main() -> None:
        async with chaotic() as server:
            port = int(server.origin.rpartition(":")[2])
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            await reader.readuntil(b"0\r\n\r\n")
            server.strike("refuse")
            with pytest.raises(ConnectionError):
                await asyncio.open_connection("127.0.0.1", port)
            with pytest.raises(ConnectionError):
                await reader.readexactly(1)
            writer.close()

    asyncio.run(main())


def test_a_reset_comes_after_the_first_half() -> None:
    with pytest.raises(ConnectionResetError):
        asyncio.run(ask_once_struck("reset"))


def test_garbage_takes_the_place_of_the_second_half() -> None:
    data = body(asyncio.run(ask_once_struck("garbage")))
    assert data.startswith(chunk(PIECES[0]) + chunk(PIECES[1]))
    assert PIECES[2] not in data
    assert b"}{" in data


def test_an_answer_that_ends_inside_a_character_isnt_utf_8() -> None:
    data = body(asyncio.run(ask_once_struck("cut_utf8")))
    with pytest.raises(UnicodeDecodeError):
        data.decode()


def test_a_web_page_has_another_content_type() -> None:
    async def main() -> None:
        async with chaotic() as server:
            server.strike("content_type")
            reader, writer = await asyncio.open_connection("127.0.0.1", int(server.origin.rpartition(":")[2]))
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b"Content-Type: text/html" in await reader.readuntil(b"\r\n\r\n")
            writer.close()

    asyncio.run(main())


def test_what_is_no_number_has_the_form_of_an_answer() -> None:
    data = asyncio.run(ask_once_struck("nan"))
    assert b"text/event-stream" in data
    assert body(data) == chunk(b"data: NaN\n\n") + chunk(b"")


@pytest.mark.parametrize(("fault", "most"), [("half_open", 0), ("hang", len(GOOD) // 2 + 60)])
def test_who_hangs_says_no_more_until_the_client_hangs_up(fault: Fault, most: int) -> None:
    async def main() -> None:
        async with chaotic() as server:
            server.strike(fault)
            reader, writer = await asyncio.open_connection("127.0.0.1", int(server.origin.rpartition(":")[2]))
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            writer.write_eof()  # the server answers what it has read, and then notices
            data = await reader.read()
            assert len(data) <= most
            assert PIECES[3] not in data
            assert server.requests[0].hung_up.is_set()
            writer.close()

    asyncio.run(main())


def test_a_drip_comes_a_few_bytes_at_a_time() -> None:
    async def main() -> None:
        async with chaotic(drip_s=0.001) as server:
            server.strike("slow_drip")
            assert await ask(server) == GOOD
            reader, writer = await asyncio.open_connection("127.0.0.1", int(server.origin.rpartition(":")[2]))
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            await reader.readuntil(b"\r\n\r\n")
            assert len(await reader.readexactly(DRIP_BYTES)) == DRIP_BYTES
            writer.close()  # who has heard enough is let go
            await writer.wait_closed()

    asyncio.run(main())
