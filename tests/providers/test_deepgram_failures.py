"""The ``deepgram`` STT against a real WebSocket server on loopback: what goes wrong, keys, and the start."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pydantic import ValidationError

from tests.support.deepgram_stt import SECRET, Hasty, blocks, hear, noise, started, texts
from tests.support.starting import setup_failure
from tests.support.workers import make_call, make_host
from voicepipe.core.calls import Call
from voicepipe.core.frames import Pcm
from voicepipe.core.units import SECOND
from voicepipe.errors import ProviderError, SetupError
from voicepipe.providers.base import Hypothesis
from voicepipe.providers.deepgram import Deepgram, DeepgramConfig
from voicepipe.testing.deepgram_server import DeepgramServer, Refusal, Utterance

pytest.importorskip("websockets", reason="needs the extra 'cloud'")


def failure(said: Utterance, call: Call | None = None, **config: Any) -> ProviderError:
    async def main() -> None:
        async with DeepgramServer(said) as server, started(server.base_url, **config) as stt:
            await hear(stt, noise(1000), call or make_call())

    with pytest.raises(ProviderError) as caught:
        asyncio.run(main())
    return caught.value


# ── during a call ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("said", "kind", "status"),
    [
        (Utterance(fault="drop"), "connection", None),
        (Utterance(fault="malformed"), "protocol", None),
        (Utterance(fault="odd"), "protocol", None),
        (Utterance(fault="error"), "server", None),
        (Utterance(fault="close", close_code=1011), "server", 1011),
        (Utterance(fault="close", close_code=1008), "bad_request", 1008),
        (Utterance(fault="close", close_code=1000), "connection", 1000),
    ],
)
def test_what_the_server_does_wrong_is_classed(said: Utterance, kind: str, status: int | None) -> None:
    error = failure(said)
    assert (error.kind, error.status, error.provider) == (kind, status, "deepgram")
    assert error.retryable == (kind != "bad_request")


def test_a_connection_that_breaks_costs_what_was_sent_on_it() -> None:
    call = make_call_outside()
    failure(Utterance(text="yes", fault="drop", fault_at_ms=400), call)
    ((unit, estimated), amount) = next(iter(call.usage.items()))
    assert (unit, estimated) == ("audio_in_ms", True)
    assert 400 <= amount <= 1000
    assert len(call.usage) == 1


def make_call_outside() -> Call:
    """A call of a session whose clock nobody asks."""

    async def main() -> Call:
        return make_call()

    return asyncio.run(main())


def test_what_was_heard_before_it_broke_was_told() -> None:
    async def main() -> None:
        said = Utterance(text="half a sentence", to_ms=600, fault="malformed", fault_at_ms=900)
        async with DeepgramServer(said) as server, started(server.base_url) as stt:
            seen: list[Hypothesis] = []
            with pytest.raises(ProviderError):
                await gather_into(seen, stt)
            assert texts(seen)[-1] == ("half a sentence", False)

    asyncio.run(main())


async def gather_into(seen: list[Hypothesis], stt: Deepgram) -> None:
    async for one in stt.transcribe(make_call(), blocks(noise(1000))):
        seen.append(one)


def test_a_broken_connection_is_not_used_again() -> None:
    async def main() -> None:
        server = DeepgramServer(Utterance(fault="drop"), Utterance(text="yes"))
        async with server, started(server.base_url) as stt:
            with pytest.raises(ProviderError):
                await hear(stt, noise(500))
            assert texts(await hear(stt, noise(500)))[-1] == ("yes", True)
            assert len(server.connections) == 2

    asyncio.run(main())


def test_a_connection_that_the_server_has_closed_meanwhile_is_replaced() -> None:
    async def main() -> None:
        server = DeepgramServer(Utterance(text="yes"), Utterance(text="no"), idle_s=0.05)
        async with server, started(server.base_url) as stt:
            await hear(stt, noise(500))
            async with asyncio.timeout(5):
                await server.connections[0].closed.wait()
            assert texts(await hear(stt, noise(500)))[-1] == ("no", True)
            assert len(server.connections) == 2

    asyncio.run(main())


def test_a_failure_of_the_audio_is_no_failure_of_deepgram() -> None:
    async def broken() -> AsyncIterator[Pcm]:
        yield noise(300)
        raise ZeroDivisionError("the caller's own")

    async def main() -> None:
        async with DeepgramServer(Utterance(text="yes")) as server, started(server.base_url) as stt:
            with pytest.raises(ZeroDivisionError):
                async for _ in stt.transcribe(make_call(), broken()):
                    pass
            async with asyncio.timeout(5):
                await server.connections[0].closed.wait()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("refusal", "kind", "retryable", "after_ns"),
    [
        (
            Refusal(status=401, code="INVALID_AUTH", message="Invalid credentials"),
            "authentication",
            False,
            None,
        ),
        (Refusal(status=403), "authentication", False, None),
        (Refusal(status=400, message="no such model"), "bad_request", False, None),
        (Refusal(status=402, message="out of credits"), "rate_limit", False, None),
        (Refusal(status=429, headers={"Retry-After": "2"}), "rate_limit", True, 2 * SECOND),
        (Refusal(status=503), "server", True, None),
        (Refusal(status=302, headers={"Location": "ws://127.0.0.1:9/"}), "protocol", True, None),
    ],
)
def test_a_refused_connection_is_classed_by_its_status(
    refusal: Refusal, kind: str, retryable: bool, after_ns: int | None
) -> None:
    async def main() -> ProviderError:
        call = make_call()
        async with DeepgramServer() as server, started(server.base_url, keep_open="0s") as stt:
            server.refuse(refusal)
            with pytest.raises(ProviderError) as caught:
                await hear(stt, noise(300), call)
            assert call.usage == {}
        return caught.value

    error = asyncio.run(main())
    assert (error.kind, error.retryable, error.retry_after_ns) == (kind, retryable, after_ns)
    if kind == "bad_request":
        assert "no such model" in error.message


def test_a_server_that_has_gone_away_is_a_connection_error_and_costs_nothing() -> None:
    async def main() -> None:
        call = make_call()
        async with DeepgramServer() as server:
            stt = Deepgram(DeepgramConfig(base_url=server.base_url, keep_open="0s"), make_host())
            await stt.start()
        with pytest.raises(ProviderError) as caught:
            await hear(stt, noise(300), call)
        await stt.close()
        assert (caught.value.kind, caught.value.retryable, call.usage) == ("connection", True, {})

    asyncio.run(main())


def test_use_before_start_and_after_close_is_a_provider_error() -> None:
    async def main() -> None:
        async with DeepgramServer() as server:
            stt = Deepgram(DeepgramConfig(base_url=server.base_url), make_host())
            with pytest.raises(ProviderError, match="before start"):
                await hear(stt, noise(300))
            await stt.start()
            await stt.close()
            with pytest.raises(ProviderError, match="after close"):
                await hear(stt, noise(300))

    asyncio.run(main())


def test_closing_the_provider_ends_the_calls_that_are_under_way() -> None:
    async def endless() -> AsyncIterator[Pcm]:
        yield noise(600)
        await asyncio.Event().wait()

    async def main() -> None:
        async with DeepgramServer(Utterance(text="yes")) as server, started(server.base_url) as stt:
            stream: Any = stt.transcribe(make_call(), endless())
            await anext(stream)
            await stt.close()
            with pytest.raises(ProviderError) as caught:
                await anext(stream)
            assert caught.value.kind == "connection"
            async with asyncio.timeout(5):
                await server.connections[0].closed.wait()

    asyncio.run(main())


def test_a_resting_connection_is_closed_after_a_while() -> None:
    async def main() -> None:
        server = DeepgramServer(Utterance(text="yes"))
        async with server, started(server.base_url, kind=Hasty, keep_open="50ms") as stt:
            await hear(stt, noise(300))
            async with asyncio.timeout(5):
                await server.connections[0].closed.wait()
            assert server.connections[0].messages[-1] == "CloseStream"
            assert "KeepAlive" in server.connections[0].messages

    asyncio.run(main())


# ── keys, and the start ──────────────────────────────────────────────────────────────────────────


def test_a_refused_key_is_found_out_before_the_call_and_never_shown() -> None:
    error = setup_failure(started, DeepgramServer(key="right"), api_key=SECRET)
    assert "refused the key" in error.message
    assert SECRET not in str(error)
    assert "wants a key" in setup_failure(started, DeepgramServer(key="right")).message


def test_the_key_is_sent_and_not_repeated_where_the_server_repeats_it() -> None:
    async def main() -> str:
        config: Any = {"api_key": SECRET, "keep_open": "0s"}
        async with DeepgramServer(key=SECRET) as server, started(server.base_url, **config) as stt:
            server.refuse(Refusal(status=400, message=f"bad {SECRET}"))
            with pytest.raises(ProviderError) as caught:
                await hear(stt, noise(300))
            assert server.connections[0].headers["Authorization"] == f"Token {SECRET}"
            return f"{caught.value} {caught.value.__cause__!r} {stt.config!r}"

    assert SECRET not in asyncio.run(main())


def test_the_key_is_no_part_of_an_error_that_comes_as_a_message() -> None:
    """It was passed on there, though not from refused handshakes."""
    error = failure(Utterance(fault="error", message=f"no project\nfor {SECRET}"), api_key=SECRET)
    assert error.message == "the server sent an error: no project for ***"


def test_a_request_that_deepgram_refuses_is_found_out_before_the_call() -> None:
    error = setup_failure(started, DeepgramServer(), model="nova-2", keyterms=["Voicepipe"])
    assert "only nova-3 takes it" in error.message


def test_a_server_that_is_busy_at_the_start_may_do_at_the_call() -> None:
    async def main() -> None:
        server = DeepgramServer(Utterance(text="yes"), refusals=(Refusal(status=503),))
        async with server, started(server.base_url) as stt:
            assert texts(await hear(stt, noise(500)))[-1] == ("yes", True)

    asyncio.run(main())


def test_a_server_that_is_not_there_is_found_out_before_the_call() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound, but not listening: a connection is refused
        url = f"ws://127.0.0.1:{nobody.getsockname()[1]}/v1"

        async def main() -> None:
            async with started(url):
                return

        with pytest.raises(SetupError, match="nothing answers at") as caught:
            asyncio.run(main())
    assert caught.value.hint is not None


def test_the_key_of_the_environment_goes_to_deepgrams_own_hosts_only() -> None:
    own = DeepgramConfig(base_url="wss://api.eu.deepgram.com/v1")
    assert own.find_key({"DEEPGRAM_API_KEY": SECRET}) == SECRET
    assert DeepgramConfig(base_url="ws://localhost:80/v1").find_key({"DEEPGRAM_API_KEY": SECRET}) is None
    with pytest.raises(ValidationError, match="api_key is needed"):
        DeepgramConfig(base_url="wss://deepgram.com.example.org/v1")
    with pytest.raises(ValidationError, match="in the clear"):
        DeepgramConfig(base_url="ws://example.org/v1", api_key=SECRET)


def test_doctor_is_told_of_a_missing_key() -> None:
    (problem,) = Deepgram(DeepgramConfig(), make_host(env={})).check()
    assert "DEEPGRAM_API_KEY" in problem
    assert Deepgram(DeepgramConfig(), make_host(env={"DEEPGRAM_API_KEY": SECRET})).check() == []
