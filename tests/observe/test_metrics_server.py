from __future__ import annotations

import asyncio

import pytest

from voicepipe.errors import SetupError
from voicepipe.observe.metrics_server import MAX_CONNECTIONS, MAX_HEAD, MetricsServer
from voicepipe.runtime.workers import ThreadWorkers


def page() -> tuple[str, bytes]:
    return "text/plain; version=1.0", b"up 1\n"


async def ask(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    answer = await reader.read()
    writer.close()
    return answer


def answers(*requests: bytes) -> list[bytes]:
    async def serve() -> list[bytes]:
        workers = ThreadWorkers()
        server = MetricsServer(page, workers)
        port = await server.start("127.0.0.1", 0)
        try:
            return [await ask(port, request) for request in requests]
        finally:
            await server.close()
            workers.close()

    return asyncio.run(serve())


def test_the_page_is_served_at_its_path_and_the_connection_closed() -> None:
    (answer,) = answers(b"GET /metrics?x=1 HTTP/1.1\r\nHost: a\r\n\r\n")
    assert answer == (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=1.0\r\nContent-Length: 5\r\n"
        b"Connection: close\r\n\r\nup 1\n"
    )


def test_nothing_else_is_served() -> None:
    found = answers(
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET /metrics/../x HTTP/1.1\r\n\r\n",
        b"POST /metrics HTTP/1.1\r\n\r\n",
        b"\r\n\r\n",
    )
    assert [answer.split(b" ")[1] for answer in found] == [b"404", b"404", b"405", b"404"]


def test_a_request_without_an_end_gets_no_answer_and_harms_nobody() -> None:
    endless = b"GET /metrics HTTP/1.1\r\nX: " + b"x" * (4 * MAX_HEAD) + b"\r\n\r\n"
    nothing, fine = answers(endless, b"GET /metrics HTTP/1.1\r\n\r\n")
    assert nothing == b""
    assert fine.endswith(b"up 1\n")


def test_connections_beyond_a_few_are_dropped_until_others_have_gone() -> None:
    async def crowd() -> bytes:
        workers = ThreadWorkers()
        server = MetricsServer(page, workers)
        port = await server.start("127.0.0.1", 0)
        waiting = [await asyncio.open_connection("127.0.0.1", port) for _ in range(MAX_CONNECTIONS)]
        try:
            with pytest.raises(ConnectionError):
                await ask(port, b"GET /metrics HTTP/1.1\r\n\r\n")
            for _, writer in waiting:
                writer.close()
                await writer.wait_closed()
            return await ask(port, b"GET /metrics HTTP/1.1\r\n\r\n")
        finally:
            await server.close()
            workers.close()

    assert asyncio.run(crowd()).startswith(b"HTTP/1.1 200 ")


def test_a_port_that_is_taken_is_an_error_with_a_hint() -> None:
    async def twice() -> None:
        workers = ThreadWorkers()
        first, second = MetricsServer(page, workers), MetricsServer(page, workers)
        port = await first.start("127.0.0.1", 0)
        try:
            with pytest.raises(SetupError, match=rf"can't be served at 127\.0\.0\.1:{port}.*in use") as error:
                await second.start("127.0.0.1", port)
            assert "metrics.prometheus.port" in (error.value.hint or "")
            await second.close()
        finally:
            await first.close()
            workers.close()

    asyncio.run(twice())


def test_an_address_of_another_computer_is_an_error_with_a_hint() -> None:
    async def elsewhere() -> None:
        with pytest.raises(SetupError) as error:
            await MetricsServer(page, ThreadWorkers()).start("192.0.2.1", 0)
        assert "an address of this computer" in (error.value.hint or "")

    asyncio.run(elsewhere())
