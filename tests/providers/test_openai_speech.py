"""The ``openai`` voice against a real HTTP server on loopback."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from tests.support.voices_behind_servers import (
    SECRET,
    TEXT,
    audio,
    cancelled_after,
    failure,
    openai_voice,
    said,
    words,
)
from tests.support.workers import make_call, make_host
from voicepipe.core.units import SECOND
from voicepipe.errors import ProviderError, SetupError
from voicepipe.providers.base import Speech
from voicepipe.providers.openai_speech import OpenAISpeech
from voicepipe.testing.http import Request
from voicepipe.testing.openai_speech_server import OpenAISpeechServer, Say
from voicepipe.testing.speech import hums

pytest.importorskip("openai", reason="needs the extra 'local'")


def request_of(text: str = TEXT, **config: Any) -> Request:
    async def main() -> Request:
        async with OpenAISpeechServer() as server, openai_voice(server.base_url, **config) as voice:
            await said(voice, text)
            return server.texts[0]

    return asyncio.run(main())


# ── what is said ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("stream_format", [None, "sse"])
@pytest.mark.parametrize("portion_bytes", [1, 4801, 1_000_000])
def test_the_audio_is_the_servers_however_it_is_portioned(
    stream_format: str | None, portion_bytes: int
) -> None:
    text = "Hi." if portion_bytes == 1 else TEXT

    async def main() -> None:
        say = Say(portion_bytes=portion_bytes)
        async with (
            OpenAISpeechServer(say) as server,
            openai_voice(server.base_url, stream_format=stream_format) as voice,
        ):
            events = await said(voice, text)
            assert voice.rate == 24_000
            np.testing.assert_array_equal(audio(events), (await hums(text, 24_000)).pcm)
            assert words(events) == []

    asyncio.run(main())


@pytest.mark.parametrize("stream_format", ["audio", "sse"])
def test_audio_comes_while_the_server_still_speaks(stream_format: str) -> None:
    async def main() -> None:
        say = Say(fault="stall", after_bytes=9_602)
        async with (
            OpenAISpeechServer(say) as server,
            openai_voice(server.base_url, stream_format=stream_format) as voice,
        ):
            events = voice.synthesize(make_call(), TEXT)
            first = await anext(events)
            assert isinstance(first, Speech)
            assert first.pcm.size > 0
            await events.aclose()  # type: ignore[attr-defined] # it is a generator

    asyncio.run(main())


def test_only_what_is_configured_is_sent() -> None:
    request = request_of()
    assert request.json == {
        "model": "test-voice",
        "voice": "alloy",
        "input": TEXT,
        "response_format": "pcm",
    }
    assert "authorization" not in request.headers
    request = request_of(voice="coral", instructions="Whisper.", speed=1.25, api_key=SECRET)
    assert request.json["voice"] == "coral"
    assert (request.json["instructions"], request.json["speed"]) == ("Whisper.", 1.25)
    assert request.headers["authorization"] == f"Bearer {SECRET}"


def test_the_voice_is_the_slots_then_the_agents() -> None:
    assert request_of(host_voice="nova").json["voice"] == "nova"
    assert request_of(host_voice="nova", voice="ash").json["voice"] == "ash"


def test_openais_own_models_are_asked_for_events_that_tell_tokens_and_their_custom_voices_by_id() -> None:
    def request(**keys: Any) -> dict[str, Any]:
        return OpenAISpeech(OpenAISpeech.Config(**keys), make_host())._request

    assert request(model="gpt-4o-mini-tts")["stream_format"] == "sse"
    assert "stream_format" not in request(model="tts-1-hd")
    assert request(model="gpt-4o-mini-tts", stream_format="audio")["stream_format"] == "audio"
    assert request(model="gpt-4o-mini-tts", voice="voice_12")["voice"] == {"id": "voice_12"}
    own = request(model="kokoro", voice="voice_12", base_url="http://localhost:8880/v1")
    assert own["voice"] == "voice_12"


def test_a_long_text_is_sent_in_pieces_of_whole_sentences() -> None:
    async def main() -> None:
        text = "This is one of very many sentences, all alike. " * 100
        async with OpenAISpeechServer() as server, openai_voice(server.base_url) as voice:
            call = make_call()
            events = await said(voice, text, call)
            pieces = [request.json["input"] for request in server.texts]
            assert "".join(pieces) == text
            assert all(piece.endswith(". ") and len(piece) <= 1500 for piece in pieces)
            assert len(pieces) > 2
            spoken = np.concatenate([(await hums(piece, 24_000)).pcm for piece in pieces])
            np.testing.assert_array_equal(audio(events), spoken)
            assert call.usage == {("characters", False): len(text)}

    asyncio.run(main())


@pytest.mark.parametrize("text", ["", " ", "\n\t"])
def test_nothing_to_say_asks_for_nothing(text: str) -> None:
    async def main() -> None:
        async with OpenAISpeechServer() as server, openai_voice(server.base_url) as voice:
            call = make_call()
            assert await said(voice, text, call) == []
            assert (server.texts, call.usage) == ([], {})

    asyncio.run(main())


@pytest.mark.parametrize("stream_format", ["audio", "sse"])
def test_chunks_share_the_connection_that_start_opened(stream_format: str) -> None:
    async def main() -> list[int]:
        async with (
            OpenAISpeechServer() as server,
            openai_voice(server.base_url, stream_format=stream_format) as voice,
        ):
            for text in ("One.", "Two.", "Three."):
                await said(voice, text)
            return [request.connection for request in server.requests]

    assert asyncio.run(main()) == [1, 1, 1, 1]


def test_a_call_that_is_left_closes_its_connection_and_the_next_one_works() -> None:
    async def main() -> None:
        says = [Say(fault="stall", after_bytes=9_600), Say()]
        async with OpenAISpeechServer(*says) as server, openai_voice(server.base_url) as voice:
            call = make_call()
            await cancelled_after(voice, 1, call)
            async with asyncio.timeout(10):
                await server.texts[0].hung_up.wait()
            assert call.usage == {("characters", False): len(TEXT)}
            assert audio(await said(voice)).size

    asyncio.run(main())


# ── usage ────────────────────────────────────────────────────────────────────────────────────────


def test_tokens_are_those_that_the_server_reports() -> None:
    async def main() -> None:
        async with (
            OpenAISpeechServer() as server,
            openai_voice(server.base_url, stream_format="sse") as voice,
        ):
            call = make_call()
            samples = audio(await said(voice, TEXT, call)).size
            assert call.usage == {
                ("tokens_in", False): len(TEXT.split()),
                ("audio_tokens_out", False): samples * 20 // 24_000,
            }

    asyncio.run(main())


def test_tokens_of_a_call_that_is_cut_off_are_estimated() -> None:
    async def main() -> None:
        say = Say(fault="stall", after_bytes=48_000)
        async with (
            OpenAISpeechServer(say) as server,
            openai_voice(server.base_url, stream_format="sse") as voice,
        ):
            call = make_call()
            await cancelled_after(voice, 10, call)
            assert call.usage == {("tokens_in", True): 12, ("audio_tokens_out", True): 20}

    asyncio.run(main())


def test_a_request_that_is_cancelled_before_its_answer_may_have_been_billed() -> None:
    async def main() -> None:
        async with OpenAISpeechServer(Say(silent=True)) as server, openai_voice(server.base_url) as voice:
            call = make_call()
            task = asyncio.ensure_future(said(voice, TEXT, call))
            async with asyncio.timeout(10):
                while not server.texts:  # noqa: ASYNC110 - it arrives within a few turns of the loop
                    await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            async with asyncio.timeout(10):
                await server.texts[0].hung_up.wait()
            assert call.usage == {("characters", True): len(TEXT)}

    asyncio.run(main())


# ── failures ─────────────────────────────────────────────────────────────────────────────────────


def failure_of(say: Say, **config: Any) -> tuple[ProviderError, dict[Any, int]]:
    async def main() -> tuple[ProviderError, dict[Any, int]]:
        call = make_call()
        async with OpenAISpeechServer(say) as server, openai_voice(server.base_url, **config) as voice:
            error = await failure(voice, TEXT, call)
            assert audio(await said(voice)).size  # the next one works
            return error, call.usage

    return asyncio.run(main())


@pytest.mark.parametrize(
    ("status", "code", "kind", "retryable"),
    [
        (400, None, "bad_request", False),
        (401, "invalid_api_key", "authentication", False),
        (404, "model_not_found", "bad_request", False),
        (429, "rate_limit_exceeded", "rate_limit", True),
        (429, "insufficient_quota", "rate_limit", False),
        (503, None, "server", True),
    ],
)
def test_a_refused_request_is_classed_by_its_status_and_costs_nothing(
    status: int, code: str | None, kind: str, retryable: bool
) -> None:
    error, usage = failure_of(Say(status=status, error={"message": "so it is", "type": "x", "code": code}))
    assert (error.kind, error.retryable, error.status) == (kind, retryable, status)
    assert error.provider == "openai"
    assert usage == {}


def test_how_long_the_server_asks_to_wait_is_told() -> None:
    error, _ = failure_of(Say(status=429, headers={"retry-after": "7"}))
    assert error.retry_after_ns == 7 * SECOND


@pytest.mark.parametrize(
    ("say", "config", "kind"),
    [
        (Say(fault="drop", after_bytes=9_600), {}, "connection"),
        (Say(fault="half_a_sample", after_bytes=9_600), {}, "connection"),
        (Say(fault="no_done"), {"stream_format": "sse"}, "connection"),
        (Say(fault="malformed", after_bytes=9_600), {"stream_format": "sse"}, "protocol"),
        (Say(fault="not_base64", after_bytes=9_600), {"stream_format": "sse"}, "protocol"),
        (Say(fault="error_event", after_bytes=9_600), {"stream_format": "sse"}, "server"),
        (Say(fault="stall", after_bytes=9_600), {"read_timeout": "50ms"}, "timeout"),
    ],
)
def test_speech_that_breaks_off_is_an_error_and_is_billed(say: Say, config: Any, kind: str) -> None:
    error, usage = failure_of(say, **config)
    assert (error.kind, error.retryable) == (kind, True)
    assert usage


@pytest.mark.parametrize(
    "say",
    [
        Say(body="<html>Welcome to the hotel's network</html>", content_type="text/html; charset=utf-8"),
        Say(body=json.dumps({"error": "no voice today"}), content_type="application/json"),
        Say(body="ID3", content_type="audio/mpeg"),
        Say(body="RIFF....WAVEfmt ", content_type="application/octet-stream"),
        Say(body="", content_type="audio/pcm"),
    ],
)
def test_an_answer_that_is_no_raw_audio_is_never_played(say: Say) -> None:
    error, usage = failure_of(say)
    assert error.kind == "protocol"
    assert usage == {}


def test_a_server_that_never_answers_is_a_timeout() -> None:
    error, usage = failure_of(Say(silent=True), read_timeout="50ms")
    assert (error.kind, error.retryable) == ("timeout", True)
    assert usage == {("characters", True): len(TEXT)}


@pytest.mark.parametrize(
    ("say", "config"),
    [
        (Say(status=400, error={"message": f"what is {SECRET}?"}), {}),
        # within a stream and by its type it was passed on
        (Say(fault="error_event", error={"message": f"no\n{SECRET}"}), {"stream_format": "sse"}),
        (Say(body="x", content_type=f"text/{SECRET}"), {}),
    ],
)
def test_the_key_is_in_no_message(say: Say, config: Any) -> None:
    error, _ = failure_of(say, api_key=SECRET, **config)
    assert "***" in str(error)
    assert SECRET not in f"{error} {error!r}".lower()


# ── start, keys, configuration ───────────────────────────────────────────────────────────────────


def test_a_refused_key_is_told_at_the_start() -> None:
    async def main() -> None:
        async with OpenAISpeechServer(key=SECRET) as server:
            with pytest.raises(SetupError, match="refused the key"):
                async with openai_voice(server.base_url, api_key="another"):
                    raise AssertionError("it has started")

    asyncio.run(main())


def test_a_server_that_is_not_there_is_told_at_the_start() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}/v1"

        async def main() -> None:
            async with openai_voice(url):
                raise AssertionError("it has started")

        with pytest.raises(SetupError, match="nothing answers"):
            asyncio.run(main())


@pytest.mark.parametrize("models", [None, ["kokoro"]])
def test_a_compatible_server_needn_t_list_the_model(models: list[str] | None) -> None:
    async def main() -> None:
        async with (
            OpenAISpeechServer(models=models) as server,
            openai_voice(server.base_url, "tts-1") as voice,
        ):
            assert audio(await said(voice)).size

    asyncio.run(main())


def test_a_call_before_the_start_or_after_the_end_is_a_mistake_of_ours() -> None:
    async def main() -> None:
        async with OpenAISpeechServer() as server:
            async with openai_voice(server.base_url) as voice:
                pass
            call = make_call()
            assert (await failure(voice, TEXT, call)).kind == "internal"
            assert call.usage == {}

    asyncio.run(main())


def test_the_key_of_the_environment_goes_to_openais_own_hosts_only() -> None:
    with pytest.raises(ValidationError, match="api_key is needed"):
        OpenAISpeech.Config(model="m", base_url="https://tts.example/v1")
    voice = OpenAISpeech(OpenAISpeech.Config(model="tts-1"), make_host(env={}))
    (problem,) = voice.check()
    assert "OPENAI_API_KEY" in problem
    assert not OpenAISpeech(
        OpenAISpeech.Config(model="tts-1"), make_host(env={"OPENAI_API_KEY": "x"})
    ).check()


@pytest.mark.parametrize(
    "keys", [{"speed": 5}, {"voice": ""}, {"rate": 100}, {"stream_format": "mp3"}, {"x": 1}]
)
def test_keys_out_of_range_are_refused(keys: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        OpenAISpeech.Config(model="m", **keys)


def test_importing_the_provider_imports_neither_the_client_nor_numpy() -> None:
    code = (
        "import sys, voicepipe.providers.openai_speech;"
        "print([name for name in ('openai', 'httpx2', 'numpy') if name in sys.modules])"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=dict(os.environ)
    )
    assert found.stdout.strip() == "[]"
