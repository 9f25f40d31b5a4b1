from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicepipe.core.clock import run_on
from voicepipe.errors import SetupError
from voicepipe.observe.metrics_server import MAX_CONNECTIONS, MAX_HEAD, MetricsServer, is_meant
from voicepipe.runtime.inline_workers import InlineWorkers
from voicepipe.runtime.workers import ThreadWorkers
from voicepipe.testing.chaos.http import reset

T = TypeVar("T")


def page() -> tuple[str, bytes]:
    return "text/plain; version=1.0", b"up 1\n"


HOST = b"Host: localhost:PORT\r\n"


async def ask(port: int, request: bytes) -> bytes:
    """``PORT`` in the request is the server's."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request.replace(b"PORT", str(port).encode()))
    answer = await reader.read()
    writer.close()
    return answer


def answers(*requests: bytes, host: str = "127.0.0.1") -> list[bytes]:
    async def serve() -> list[bytes]:
        workers = ThreadWorkers()
        server = MetricsServer(page, workers)
        port = await server.start(host, 0)
        try:
            return [await ask(port, request) for request in requests]
        finally:
            await server.close()
            workers.close()

    return asyncio.run(serve())


def test_the_page_is_served_at_its_path_and_the_connection_closed() -> None:
    (answer,) = answers(b"GET /metrics?x=1 HTTP/1.1\r\n" + HOST + b"\r\n")
    assert answer == (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=1.0\r\nContent-Length: 5\r\n"
        b"Connection: close\r\n\r\nup 1\n"
    )


def test_nothing_else_is_served() -> None:
    found = answers(
        b"GET / HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET /metrics/../x HTTP/1.1\r\n" + HOST + b"\r\n",
        b"POST /metrics HTTP/1.1\r\n" + HOST + b"\r\n",
        b"\r\n" + HOST + b"\r\n",
    )
    assert [answer.split(b" ")[1] for answer in found] == [b"404", b"404", b"405", b"404"]


def statuses(*hosts: str, host: str = "127.0.0.1") -> list[int]:
    """What is answered to these ``Host`` lines."""
    requests = [f"GET /metrics HTTP/1.1\r\n{line}\r\n".encode() for line in hosts]
    return [int(answer.split(b" ")[1]) for answer in answers(*requests, host=host)]


def test_over_loopback_it_answers_to_loopback_names() -> None:
    names = ("localhost", "LOCALHOST", "127.0.0.1", "127.1.2.3", "[::1]", "localhost.")
    assert statuses(*(f"host:  {name}:PORT \r\n" for name in names)) == [200] * len(names)


def test_a_tunnel_may_begin_at_another_port() -> None:
    assert statuses("Host: localhost\r\n", "Host: localhost:1\r\n") == [200, 200]


def test_a_page_whose_name_was_made_to_lead_here_reads_nothing() -> None:
    """DNS rebinding: a browser sends the name that somebody else's name server resolved to 127.0.0.1."""
    refused = (
        "Host: evil.example:PORT\r\n",
        "Host: localhost.evil.example:PORT\r\n",
        "Host: 127.0.0.1.evil.example:PORT\r\n",
        "Host: localhost@evil.example:PORT\r\n",
        "Host: evil.example/@localhost:PORT\r\n",
        "Host: 192.168.0.7:PORT\r\n",
        "Host: localhost:x\r\n",
        "Host: [::1\r\n",
        "Host: \r\n",
        "",
        "Host: localhost:PORT\r\nHost: evil.example:PORT\r\n",
    )
    assert statuses(*refused) == [421] * len(refused)
    (answer,) = answers(b"GET /metrics HTTP/1.1\r\nHost: evil.example:PORT\r\n\r\n")
    assert b"\r\n\r\nexpected 'Host: localhost'" in answer
    assert b"up 1" not in answer


def test_over_loopback_it_answers_so_wherever_else_it_listens() -> None:
    assert statuses("Host: evil.example:PORT\r\n", "Host: 0.0.0.0:PORT\r\n", host="0.0.0.0") == [421, 200]


@given(st.binary(max_size=60))
def test_any_host_is_answered_or_refused(host: bytes) -> None:
    meant = is_meant(b"GET /metrics HTTP/1.1\r\nHost: " + host + b"\r\n\r\n", "127.0.0.1")
    assert not meant or b"localhost" in host.lower() or b"127." in host or b"::" in host


def test_a_request_without_an_end_gets_no_answer_and_harms_nobody() -> None:
    endless = b"GET /metrics HTTP/1.1\r\n" + HOST + b"X: " + b"x" * (4 * MAX_HEAD) + b"\r\n\r\n"
    nothing, fine = answers(endless, b"GET /metrics HTTP/1.1\r\n" + HOST + b"\r\n")
    assert nothing == b""
    assert fine.endswith(b"up 1\n")


def test_who_has_gone_when_the_page_is_ready_gets_no_answer_and_harms_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    asked, gone = asyncio.Event(), asyncio.Event()

    class Late(InlineWorkers):
        async def call(self, fn: Callable[[], T], *, deadline_ns: int | None = None, cost_ns: int = 0) -> T:
            asked.set()
            await gone.wait()
            return fn()

    async def main() -> None:
        server = MetricsServer(page, Late("simulated"))
        port = await server.start("127.0.0.1", 0)
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await asked.wait()
        reset(writer)
        for _ in range(10):  # it gets about
            await asyncio.sleep(0)
        gone.set()
        for _ in range(10):
            await asyncio.sleep(0)
        await server.close()

    run_on("real", main())
    assert not caplog.records


def test_connections_beyond_a_few_are_dropped_until_others_have_gone() -> None:
    async def crowd() -> bytes:
        workers = ThreadWorkers()
        server = MetricsServer(page, workers)
        port = await server.start("127.0.0.1", 0)
        waiting = [await asyncio.open_connection("127.0.0.1", port) for _ in range(MAX_CONNECTIONS)]
        try:
            with pytest.raises(ConnectionError):
                await ask(port, b"GET /metrics HTTP/1.1\r\n" + HOST + b"\r\n")
            for _, writer in waiting:
                writer.close()
                await writer.wait_closed()
            return await ask(port, b"GET /metrics HTTP/1.1\r\n" + HOST + b"\r\n")
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
