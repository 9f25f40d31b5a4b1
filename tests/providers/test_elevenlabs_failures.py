"""The ``elevenlabs`` voice against a real WebSocket server: what goes wrong, keys, and the start."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from tests.support.voices_behind_servers import SECRET, TEXT, audio, elevenlabs_voice, failure, said
from tests.support.workers import make_call, make_host, until
from voicepipe.core.units import SECOND
from voicepipe.errors import ProviderError, SetupError
from voicepipe.providers.elevenlabs import ElevenLabs
from voicepipe.testing.elevenlabs_server import ElevenLabsServer, Refusal, Say

pytest.importorskip("websockets", reason="needs the extra 'cloud'")


# ── failures ─────────────────────────────────────────────────────────────────────────────────────


def failure_of(say: Say, **config: Any) -> tuple[ProviderError, dict[Any, int]]:
    async def main() -> tuple[ProviderError, dict[Any, int]]:
        call = make_call()
        async with ElevenLabsServer(say) as server, elevenlabs_voice(server.base_url, **config) as voice:
            error = await failure(voice, TEXT, call)
            assert audio(await said(voice)).size  # the next one works
            return error, call.usage

    return asyncio.run(main())


@pytest.mark.parametrize(
    ("name", "kind", "retryable"),
    [
        ("invalid_api_key", "authentication", False),
        ("quota_exceeded", "rate_limit", False),
        ("max_active_conversations", "rate_limit", True),
        ("system_busy", "rate_limit", True),
        ("voice_not_found", "bad_request", False),
        ("input_timeout_exceeded", "timeout", True),
        ("something_went_wrong", "server", True),
    ],
)
def test_an_error_instead_of_speech_is_classed_by_its_name_and_costs_nothing(
    name: str, kind: str, retryable: bool
) -> None:
    error, usage = failure_of(Say(fault="error", name=name))
    assert (error.kind, error.retryable, error.provider) == (kind, retryable, "elevenlabs")
    assert usage == {}


@pytest.mark.parametrize(
    ("code", "reason", "kind", "retryable"),
    [
        (1008, "This request exceeds your quota limit.", "rate_limit", False),
        (1008, "We are sorry, something went wrong.", "server", True),
        (1011, "Internal error", "server", True),
        (1000, "", "connection", True),
    ],
)
def test_a_connection_that_is_closed_instead_of_speech_says_why(
    code: int, reason: str, kind: str, retryable: bool
) -> None:
    error, _ = failure_of(Say(fault="close", close_code=code, message=reason))
    assert (error.kind, error.retryable, error.status) == (kind, retryable, code)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("drop", "connection"),
        ("half_a_sample", "connection"),
        ("malformed", "protocol"),
        ("odd", "protocol"),
        ("not_base64", "protocol"),
        ("error", "server"),
    ],
)
def test_speech_that_breaks_off_is_an_error_and_is_billed(fault: Any, kind: str) -> None:
    error, usage = failure_of(Say(fault=fault, after_ms=500))
    assert (error.kind, error.retryable) == (kind, True)
    assert usage == {("characters", False): len(TEXT)}


def test_a_text_that_gets_no_audio_is_an_error() -> None:
    error, usage = failure_of(Say(fault="silent"))
    assert (error.kind, usage) == ("protocol", {})


def test_a_server_that_falls_silent_is_a_timeout_in_the_end() -> None:
    error, usage = failure_of(Say(fault="stall"), read_timeout="50ms")
    assert (error.kind, error.retryable) == ("timeout", True)
    assert usage == {("characters", True): len(TEXT)}


@pytest.mark.parametrize(
    ("refusal", "kind"),
    [
        (Refusal(status=401, code="quota_exceeded"), "rate_limit"),
        (Refusal(status=401, code="invalid_api_key"), "authentication"),
        (Refusal(status=429, code="concurrent_limit_exceeded"), "rate_limit"),
        (Refusal(status=403, code="only_for_creator+"), "authentication"),
        (Refusal(status=404, code="voice_not_found"), "bad_request"),
        (Refusal(status=502, code="bad_gateway"), "server"),
    ],
)
def test_a_refused_connection_is_classed_and_costs_nothing(refusal: Refusal, kind: str) -> None:
    async def main() -> None:
        async with ElevenLabsServer(Say(fault="drop")) as server, elevenlabs_voice(server.base_url) as voice:
            await failure(voice)
            await until(lambda: voice._pool.size == 1)
            server.connections[1].hang_up()
            await server.connections[1].closed.wait()
            server.refuse(refusal)
            call = make_call()
            error = await failure(voice, TEXT, call)
            assert (error.kind, error.status) == (kind, refusal.status)
            assert call.usage == {}

    asyncio.run(main())


def test_how_long_the_server_asks_to_wait_is_told() -> None:
    async def main() -> None:
        refusal = Refusal(status=429, code="rate_limit_exceeded", headers={"retry-after": "7"})
        server = ElevenLabsServer(refusals=(refusal,) * 2)
        async with server, elevenlabs_voice(server.base_url) as voice:
            error = await failure(voice)
            assert (error.retryable, error.retry_after_ns) == (True, 7 * SECOND)

    asyncio.run(main())


def test_the_key_is_in_no_message_and_goes_to_nobody_else() -> None:
    async def main() -> None:
        say = Say(fault="error", name="x", message=f"what is {SECRET}?")
        async with (
            ElevenLabsServer(say, key=SECRET) as server,
            elevenlabs_voice(server.base_url, api_key=SECRET) as voice,
        ):
            error = await failure(voice)
            assert "***" in str(error)
            assert SECRET not in f"{error} {error!r} {voice.config!r}"

    asyncio.run(main())


def test_a_redirect_is_not_followed() -> None:
    async def main() -> None:
        async with ElevenLabsServer() as elsewhere:
            refusal = Refusal(status=307, headers={"location": f"{elsewhere.base_url}/x"})
            server = ElevenLabsServer(refusals=(refusal,) * 2)
            async with server, elevenlabs_voice(server.base_url, api_key=SECRET) as voice:
                assert (await failure(voice)).kind == "protocol"
            assert elsewhere.handshakes == 0

    asyncio.run(main())


# ── start ────────────────────────────────────────────────────────────────────────────────────────


def test_a_refused_key_is_told_at_the_start() -> None:
    async def main() -> None:
        async with ElevenLabsServer(key=SECRET) as server:
            with pytest.raises(SetupError, match="refused the key"):
                async with elevenlabs_voice(server.base_url, api_key="another"):
                    raise AssertionError("it has started")

    asyncio.run(main())


def test_a_voice_that_is_not_there_is_told_at_the_start() -> None:
    async def main() -> None:
        refusal = Refusal(status=404, code="voice_not_found", message="A voice with that id does not exist.")
        async with ElevenLabsServer(refusals=(refusal,)) as server:
            with pytest.raises(SetupError, match="does not exist"):
                async with elevenlabs_voice(server.base_url):
                    raise AssertionError("it has started")

    asyncio.run(main())


def test_a_server_that_is_busy_at_the_start_may_not_be_later() -> None:
    async def main() -> None:
        server = ElevenLabsServer(refusals=(Refusal(status=429, code="system_busy"),))
        async with server, elevenlabs_voice(server.base_url) as voice:
            assert audio(await said(voice)).size

    asyncio.run(main())


def test_a_server_that_is_not_there_is_told_at_the_start() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"ws://127.0.0.1:{nobody.getsockname()[1]}"

        async def main() -> None:
            async with elevenlabs_voice(url):
                raise AssertionError("it has started")

        with pytest.raises(SetupError, match="nothing answers"):
            asyncio.run(main())


def test_a_call_before_the_start_or_after_the_end_is_a_mistake_of_ours() -> None:
    async def main() -> None:
        async with ElevenLabsServer() as server:
            async with elevenlabs_voice(server.base_url) as voice:
                pass
            call = make_call()
            assert (await failure(voice, TEXT, call)).kind == "internal"
            assert call.usage == {}

    asyncio.run(main())


def test_what_is_missing_is_said_before_the_start() -> None:
    problems = ElevenLabs(ElevenLabs.Config(), make_host(env={})).check()
    assert ["ELEVENLABS_API_KEY" in problem for problem in problems] == [True, False]
    assert "no voice" in problems[1]
    assert not ElevenLabs(ElevenLabs.Config(voice="x"), make_host(env={"ELEVENLABS_API_KEY": "k"})).check()
