"""What can go wrong before and on a WebSocket, in our terms, against real sockets on loopback."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.support.workers import make_host
from voicepipe.errors import ProviderError
from voicepipe.providers.deepgram import DeepgramConfig
from voicepipe.providers.web_socket import WebSockets
from voicepipe.testing.deepgram_server import DeepgramServer

exceptions = pytest.importorskip("websockets.exceptions", reason="needs the extra 'cloud'")
frames = pytest.importorskip("websockets.frames", reason="needs the extra 'cloud'")

SECRET = "dg-very-secret-0123456789"
LISTEN = "/listen?model=nova-3&encoding=linear16&sample_rate=16000"


async def loaded(url: str, **config: Any) -> WebSockets:
    web = WebSockets(DeepgramConfig(base_url=url, **config), make_host(), scheme="Token")
    await web.load("nova-3")
    return web


@asynccontextmanager
async def listening(answer: Callable[[asyncio.StreamWriter], Awaitable[None]]) -> Any:
    """A server that speaks no WebSocket; yields its address."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await answer(writer)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"


def failure(answer: Callable[[asyncio.StreamWriter], Awaitable[None]]) -> ProviderError:
    async def main() -> ProviderError:
        async with listening(answer) as url:
            web = await loaded(url)
            with pytest.raises(ProviderError) as caught:
                await web.open("/listen")
            return caught.value

    return asyncio.run(main())


def saying(text: bytes) -> Callable[[asyncio.StreamWriter], Awaitable[None]]:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(text)
        await writer.drain()

    return answer


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "protocol"),
        (b"SSH-2.0-OpenSSH_9.9\r\n", "protocol"),
        (b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", "server"),
    ],
)
def test_a_server_that_does_not_speak_websocket_is_told_so(answer: bytes, kind: str) -> None:
    assert failure(saying(answer)).kind == kind


@pytest.mark.parametrize(
    "body",
    [
        b'{"err_msg": "no such model"}',
        b'{"error": {"message": "no such model"}}',
        b'{"detail": "no such model"}',
        b"no such model",
    ],
)
def test_the_reason_of_a_refusal_is_found_wherever_it_stands(body: bytes) -> None:
    head = f"HTTP/1.1 400 Bad Request\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    error = failure(saying(head + body))
    assert (error.kind, error.message) == (
        "bad_request",
        "the server refused the request (400): no such model",
    )


def test_a_redirect_is_not_followed() -> None:
    async def main() -> None:
        async with DeepgramServer() as elsewhere:
            location = f"Location: {elsewhere.base_url}{LISTEN}\r\n".encode()
            answer = b"HTTP/1.1 307 Temporary Redirect\r\nContent-Length: 0\r\n" + location + b"\r\n"
            async with listening(saying(answer)) as url:
                web = await loaded(url)
                with pytest.raises(ProviderError) as caught:
                    await web.open(LISTEN)
            assert (caught.value.kind, elsewhere.handshakes) == ("protocol", 0)

    asyncio.run(main())


@pytest.mark.parametrize("scheme", ["ws", "http"])
def test_an_address_for_http_is_one_for_websocket_as_well(scheme: str) -> None:
    async def main() -> None:
        async with DeepgramServer() as server:
            web = await loaded(server.base_url.replace("ws:", f"{scheme}:"))
            socket = await web.open(LISTEN)
            await socket.close()
            assert len(server.connections) == 1

    asyncio.run(main())


@pytest.mark.parametrize(
    ("code", "kind", "retryable"),
    [
        (1000, "connection", True),
        (1001, "connection", True),
        (1002, "protocol", True),
        (1008, "bad_request", False),
        (1011, "server", True),
        (1013, "server", True),
        (4000, "connection", True),
    ],
)
def test_a_connection_that_the_server_closes_is_classed_by_its_code(
    code: int, kind: str, retryable: bool
) -> None:
    async def main() -> ProviderError:
        web = await loaded("ws://localhost:1/v1", api_key=SECRET)
        return web.error(exceptions.ConnectionClosedError(frames.Close(code, f"because of {SECRET}"), None))

    error = asyncio.run(main())
    assert (error.kind, error.retryable, error.status) == (kind, retryable, code)
    assert SECRET not in str(error)
    assert "because of ***" in error.message


def test_the_key_is_not_in_the_log_of_the_package(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with DeepgramServer(key=SECRET) as server:
            web = await loaded(server.base_url, api_key=SECRET)
            await (await web.open(LISTEN)).close()

    with caplog.at_level(logging.DEBUG):
        asyncio.run(main())
    ours = [record for record in caplog.records if record.name == "voicepipe.websockets"]
    assert not [record for record in ours if SECRET in record.getMessage()]


def test_another_endpoint_than_the_vendors_is_said_aloud() -> None:
    said: list[str] = []

    async def main() -> None:
        host = make_host(progress=said.append)
        await WebSockets(DeepgramConfig(base_url="ws://localhost:1/v1"), host).load("nova-3")
        host = make_host(progress=said.append, env={"DEEPGRAM_API_KEY": SECRET})
        await WebSockets(DeepgramConfig(), host).load("nova-3")

    asyncio.run(main())
    assert said == ["stt deepgram: nova-3 at ws://localhost:1/v1"]
