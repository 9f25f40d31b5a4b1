from __future__ import annotations

import asyncio

import pytest

from voicepipe.testing.tool_server import Answer, ToolServer


async def ask(server: ToolServer, path: str = "/find") -> bytes:
    """All that comes back until the server has nothing more to say for a tenth of a second."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(server.origin.rpartition(":")[2]))
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    writer.write_eof()
    data = await reader.read()
    writer.close()
    await writer.wait_closed()
    return data


def test_each_request_takes_the_next_answer_and_then_there_is_none() -> None:
    async def test() -> None:
        async with ToolServer(Answer(content={"a": 1}), Answer(content="x", status=404)) as server:
            first, second, third = await ask(server), await ask(server, "/other"), await ask(server)
        assert first.startswith(b"HTTP/1.1 200 OK\r\n")
        assert first.endswith(b'\r\n\r\n{"a": 1}')
        assert second.startswith(b"HTTP/1.1 404 ")
        assert third.startswith(b"HTTP/1.1 500 ")
        assert [request.path for request in server.requests] == ["/find", "/other", "/find"]
        assert server.connections == 3

    asyncio.run(test())


def test_headers_and_pieces_are_sent_as_told() -> None:
    async def test() -> None:
        answer = Answer(status=302, headers={"Location": "/x"}, pieces=[b"ab", b"c"])
        async with ToolServer(answer) as server:
            data = await ask(server)
        assert b"\r\nLocation: /x\r\n" in data
        assert data.endswith(b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n")

    asyncio.run(test())


@pytest.mark.parametrize(("fault", "data"), [("silent", b""), ("drop", b""), ("no_http", b"220 mail")])
def test_a_fault_is_no_answer(fault: str, data: bytes) -> None:
    async def test() -> None:
        async with ToolServer(Answer(fault=fault)) as server:  # type: ignore[arg-type] # one of them
            assert (await ask(server)).startswith(data)

    asyncio.run(test())


def test_an_answer_that_stalls_has_no_end() -> None:
    async def test() -> None:
        async with ToolServer(Answer(content="abc", fault="stall")) as server:
            assert (await ask(server)).endswith(b"3\r\nabc\r\n")
            assert server.requests[0].hung_up.is_set()

    asyncio.run(test())


def test_an_answer_that_drips_goes_on_until_the_client_hangs_up() -> None:
    async def test() -> None:
        async with ToolServer(Answer(fault="drip")) as server:
            reader, writer = await asyncio.open_connection("127.0.0.1", int(server.origin.rpartition(":")[2]))
            writer.write(b"GET / HTTP/1.1\r\n\r\n")
            await reader.readuntil(b".\r\n1\r\n.")
            writer.transport.abort()
            await asyncio.wait_for(server.requests[0].hung_up.wait(), 5)

    asyncio.run(test())


def test_a_server_that_was_not_started_has_no_address() -> None:
    with pytest.raises(RuntimeError, match="not been started"):
        _ = ToolServer().origin
