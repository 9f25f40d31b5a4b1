from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicepipe.core.clock import run_on
from voicepipe.testing.chaos.http import reset
from voicepipe.testing.http import HttpServer, Request, chunk, head, read_request, whole


def _read(data: bytes) -> Request | None:
    async def main() -> Request | None:
        reader = asyncio.StreamReader()
        reader.feed_data(data)
        reader.feed_eof()
        return await read_request(reader, 3)

    return asyncio.run(main())


def test_a_request_is_read_with_its_headers_and_body() -> None:
    request = _read(b'POST /v1/x HTTP/1.1\r\nHost: y\r\nContent-LENGTH: 7\r\n\r\n{"a":1}')
    assert request is not None
    assert (request.method, request.path, request.connection) == ("POST", "/v1/x", 3)
    assert request.headers["content-length"] == "7"
    assert request.json == {"a": 1}


@pytest.mark.parametrize("data", [b"", b"GET / HTTP/1.1\r\nHost"])
def test_a_connection_that_closes_instead_of_asking_is_no_request(data: bytes) -> None:
    assert _read(data) is None


def test_a_body_that_is_too_large_is_not_read() -> None:
    with pytest.raises(ValueError, match="at most"):
        _read(b"POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n")


@given(st.text(max_size=50))
def test_an_answers_length_is_that_of_its_bytes(text: str) -> None:
    headers, _, body = whole(200, text, content_type="text/plain").partition(b"\r\n\r\n")
    assert f"Content-Length: {len(body)}".encode() in headers
    assert body.decode() == text


def test_chunks_say_their_length_in_hexadecimal() -> None:
    assert chunk(b"x" * 17) == b"11\r\n" + b"x" * 17 + b"\r\n"
    assert chunk(b"") == b"0\r\n\r\n"
    assert b"Transfer-Encoding: chunked\r\n" in head(200, "text/event-stream")


class _Echo(HttpServer):
    async def answer(
        self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        if request.path == "/wait":
            return await self.until_hung_up(request, reader)
        writer.write(whole(429, request.path, content_type="text/plain", headers={"Retry-After": "2"}))
        return request.path != "/last"


def test_a_server_answers_one_request_after_the_other_until_it_has_enough() -> None:
    async def main() -> str:
        async with _Echo() as server:
            reader, writer = await asyncio.open_connection("127.0.0.1", int(server.origin.rpartition(":")[2]))
            writer.write(b"GET /a HTTP/1.1\r\n\r\n" + b"GET /last HTTP/1.1\r\n\r\n")
            async with asyncio.timeout(10):
                answers = await reader.read()
            writer.close()
            assert [(request.path, request.connection) for request in server.requests] == [
                ("/a", 1),
                ("/last", 1),
            ]
            return answers.decode()

    answers = asyncio.run(main())
    assert answers.count("HTTP/1.1 429 Too Many Requests\r\n") == 2
    assert answers.count("Retry-After: 2\r\n") == 2
    assert answers.endswith("\r\n\r\n/last")


def test_a_server_knows_when_its_client_hangs_up() -> None:
    async def main() -> None:
        async with _Echo() as server:
            _, writer = await asyncio.open_connection("127.0.0.1", int(server.origin.rpartition(":")[2]))
            writer.write(b"GET /wait HTTP/1.1\r\n\r\n")
            writer.close()
            async with asyncio.timeout(10):
                while not server.requests:  # noqa: ASYNC110 - it arrives within a few turns of the loop
                    await asyncio.sleep(0)
                await server.requests[0].hung_up.wait()

    asyncio.run(main())


def test_a_client_that_goes_in_the_middle_of_its_request_is_no_error_of_the_server() -> None:
    """A cancelled call left a traceback of the server's in users' test output."""
    problems: list[object] = []

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: problems.append(context))
        async with _Echo() as server:
            _, writer = await asyncio.open_connection("127.0.0.1", int(server.origin.rpartition(":")[2]))
            writer.write(b"POST /a HTTP/1.1\r\nContent-Length: 10\r\n\r\nhalf")
            await writer.drain()
            writer.close()
            await writer.wait_closed()
            async with asyncio.timeout(10):
                while not server.connections:  # noqa: ASYNC110 - it arrives within a few turns of the loop
                    await asyncio.sleep(0)
        assert server.requests == []

    asyncio.run(main())
    assert problems == []


@pytest.mark.parametrize("answered", [False, True], ids=["fails", "answers"])
def test_a_client_that_has_gone_when_it_is_answered_is_no_error_of_the_server(
    answered: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """What else goes wrong is, whoever has gone."""

    class Late(HttpServer):
        async def answer(
            self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> bool:
            came.set()
            if not answered:
                raise RuntimeError("broken")
            reset(clients[0])
            for _ in range(10):  # it gets about
                await asyncio.sleep(0)
            assert writer.is_closing()
            writer.write(whole(200, {}))
            return True

    async def main() -> None:
        async with Late() as server:
            _, client = await asyncio.open_connection("127.0.0.1", int(server.origin.rpartition(":")[2]))
            clients.append(client)
            client.write(b"GET / HTTP/1.1\r\n\r\n")
            await came.wait()
        client.close()

    clients, came = list[asyncio.StreamWriter](), asyncio.Event()
    run_on("real", main())
    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == (
        [] if answered else [RuntimeError]
    )


def test_a_server_that_was_not_started_has_no_address() -> None:
    with pytest.raises(RuntimeError, match="not been started"):
        _ = _Echo().origin
