"""The ``openai`` STT that is given whole utterances, against a real HTTP server on loopback."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest

from tests.support.deepgram_stt import RATE, blocks, hear, noise, spoken, texts
from tests.support.openai_stt import started
from tests.support.starting import setup_failure
from tests.support.workers import make_call, make_host
from voicepipe.core.calls import Call
from voicepipe.core.frames import Pcm
from voicepipe.core.units import SECOND
from voicepipe.errors import ProviderError, SetupError
from voicepipe.providers.base import Hypothesis
from voicepipe.providers.openai_stt import OpenAIStt, OpenAISttConfig
from voicepipe.testing.openai_audio_server import Hear, OpenAIAudioServer, Upload

pytest.importorskip("openai", reason="needs the extra 'cloud'")

SECRET = "sk-very-secret-0123456789"
PARIS = Hear(deltas=["What is ", "the weather", " in Paris?"])


def heard(hear_as: Hear, pcm: Pcm | None = None, call: Call | None = None, **config: Any) -> Any:
    """What comes of one utterance, and what the server got of it."""

    async def main() -> tuple[list[Hypothesis], list[Upload]]:
        async with OpenAIAudioServer(hear_as) as server, started(server.base_url, **config) as stt:
            return await hear(stt, noise(1000) if pcm is None else pcm, call or make_call()), server.uploads

    return asyncio.run(main())


def fresh_call() -> Call:
    async def main() -> Call:
        return make_call()

    return asyncio.run(main())


def failure(hear_as: Hear, call: Call | None = None, **config: Any) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        heard(hear_as, call=call, **config)
    return caught.value


# ── what is heard ────────────────────────────────────────────────────────────────────────────────


def test_the_transcript_comes_in_pieces_and_whole_in_the_end() -> None:
    hypotheses, _ = heard(PARIS)
    assert texts(hypotheses) == [
        ("What is", False),
        ("What is the weather", False),
        ("What is the weather in Paris?", False),
        ("What is the weather in Paris?", True),
    ]


def test_a_model_that_does_not_stream_gives_all_at_once() -> None:
    hypotheses, (upload,) = heard(Hear(deltas=["Yes."], streams=False))
    assert texts(hypotheses) == [("Yes.", True)]
    assert upload.fields["stream"] == ["true"]


def test_the_server_hears_the_very_audio_of_the_caller() -> None:
    pcm = spoken("kal_what_is_the_weather_in_paris")
    _, (upload,) = heard(PARIS, pcm)
    assert (upload.audio, upload.rate) == (pcm.astype("<i2").tobytes(), RATE)


def test_the_keys_of_the_pipeline_are_those_of_the_request() -> None:
    _, (upload,) = heard(PARIS, keywords=["Oak Street", "Ann"], prompt="A clinic.", language="de-AT")
    fields = upload.fields
    assert (fields["model"], fields["languages"]) == (["gpt-transcribe"], ["de"])
    assert (fields["keywords"], fields["prompt"]) == (["Oak Street", "Ann"], ["A clinic."])


def test_less_than_a_word_is_not_sent_at_all() -> None:
    for ms in (0, 90):
        call = fresh_call()
        hypotheses, uploads = heard(PARIS, noise(ms), call)
        assert (texts(hypotheses), uploads, call.usage) == ([("", True)], [], {})


def test_ten_minutes_in_one_breath_are_heard() -> None:
    hypotheses, (upload,) = heard(PARIS, np.zeros(600 * RATE, np.int16))
    assert hypotheses[-1].final
    assert upload.seconds == 600


def test_more_than_a_file_can_hold_is_refused_before_it_is_sent() -> None:
    call = fresh_call()
    with pytest.raises(ProviderError, match="too long for one file") as caught:
        heard(PARIS, np.zeros(800 * RATE, np.int16), call)
    assert (caught.value.kind, call.usage) == ("bad_request", {})


# ── usage ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("hear_as", "usage"),
    [
        (PARIS, {("audio_in_ms", False): 1000}),
        (Hear(usage=None), {("audio_in_ms", True): 1000}),
        (Hear(usage=None, streams=False), {("audio_in_ms", True): 1000}),
        (
            Hear(deltas=["Well, yes."], usage="tokens"),
            {("audio_tokens_in", False): 10, ("tokens_in", False): 5, ("tokens_out", False): 2},
        ),
    ],
)
def test_usage_is_what_the_server_reports_and_else_what_was_sent(hear_as: Hear, usage: Any) -> None:
    call = fresh_call()
    heard(hear_as, call=call)
    assert call.usage == usage


def test_a_request_that_is_left_costs_what_was_sent_and_its_connection_is_closed() -> None:
    async def main() -> None:
        call = make_call()
        server = OpenAIAudioServer(Hear(deltas=["What"], fault="stall"))
        async with server, started(server.base_url) as stt:
            stream: Any = stt.transcribe(call, blocks(noise(1000)))
            await anext(stream)
            await stream.aclose()
            async with asyncio.timeout(5):
                await server.files[0].hung_up.wait()
        assert call.usage == {("audio_in_ms", True): 1000}

    asyncio.run(main())


def test_a_request_that_is_cancelled_before_its_answer_may_well_cost_something() -> None:
    async def main() -> None:
        call = make_call()
        async with OpenAIAudioServer(Hear(silent=True)) as server, started(server.base_url) as stt:
            task = asyncio.ensure_future(hear(stt, noise(1000), call))
            async with asyncio.timeout(5):
                while not server.uploads:  # noqa: ASYNC110 - another's list
                    await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
            async with asyncio.timeout(5):
                await server.files[0].hung_up.wait()
        assert call.usage == {("audio_in_ms", True): 1000}

    asyncio.run(main())


# ── what goes wrong ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("status", "kind", "retryable"),
    [(400, "bad_request", False), (401, "authentication", False), (500, "server", True)],
)
def test_a_refused_request_is_classed_by_its_status_and_costs_nothing(
    status: int, kind: str, retryable: bool
) -> None:
    call = fresh_call()
    error = failure(Hear(status=status), call)
    assert (error.kind, error.retryable, error.status, call.usage) == (kind, retryable, status, {})


def test_a_rate_limit_says_when_to_come_back() -> None:
    error = failure(Hear(status=429, headers={"retry-after": "2"}))
    assert (error.kind, error.retryable, error.retry_after_ns) == ("rate_limit", True, 2 * SECOND)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("drop", "connection"),
        ("no_done", "connection"),
        ("malformed", "protocol"),
        ("odd", "protocol"),
        ("error_event", "server"),
    ],
)
def test_an_answer_that_breaks_off_is_an_error(fault: Any, kind: str) -> None:
    call = fresh_call()
    error = failure(Hear(deltas=["What"], fault=fault), call)
    assert (error.kind, error.retryable, error.provider) == (kind, True, "openai")
    assert call.usage == {("audio_in_ms", True): 1000}


@pytest.mark.parametrize("fault", ["malformed", "odd"])
def test_a_whole_answer_that_can_not_be_read_is_a_protocol_error(fault: Any) -> None:
    assert failure(Hear(streams=False, fault=fault)).kind == "protocol"


def test_a_server_that_falls_silent_is_a_timeout_in_the_end() -> None:
    assert failure(Hear(deltas=["What"], fault="stall"), read_timeout="50ms").kind == "timeout"
    assert failure(Hear(silent=True), read_timeout="50ms").kind == "timeout"


def test_a_transcript_without_end_is_cut_off() -> None:
    error = failure(Hear(deltas=["x" * 60_000] * 2))
    assert error.kind == "protocol"
    assert "longer than" in error.message


def test_the_key_is_sent_and_never_shown() -> None:
    async def main() -> str:
        server = OpenAIAudioServer(
            Hear(status=400, error={"message": f"bad {SECRET}", "code": None}), key=SECRET
        )
        async with server, started(server.base_url, api_key=SECRET) as stt:
            with pytest.raises(ProviderError) as caught:
                await hear(stt, noise(500))
            assert server.files[0].headers["authorization"] == f"Bearer {SECRET}"
            return f"{caught.value} {caught.value.__cause__!r} {stt.config!r}"

    assert SECRET not in asyncio.run(main())


def test_a_failure_of_the_audio_is_no_failure_of_the_server() -> None:
    async def broken() -> AsyncIterator[Pcm]:
        yield noise(300)
        raise ZeroDivisionError("the caller's own")

    async def main() -> None:
        async with OpenAIAudioServer() as server, started(server.base_url) as stt:
            with pytest.raises(ZeroDivisionError):
                [one async for one in stt.transcribe(make_call(), broken())]
            assert server.files == []

    asyncio.run(main())


# ── before the call ──────────────────────────────────────────────────────────────────────────────


def test_a_refused_key_is_found_out_before_the_call() -> None:
    error = setup_failure(started, OpenAIAudioServer(key="right"), api_key=SECRET)
    assert "refused the key" in error.message
    assert SECRET not in str(error)


def test_another_server_may_answer_to_a_model_that_it_does_not_list() -> None:
    async def main() -> None:
        server = OpenAIAudioServer(PARIS, models=["Systran/faster-whisper-small"])
        async with server, started(server.base_url, model="whisper-1") as stt:
            assert (await hear(stt, noise(500)))[-1].final

    asyncio.run(main())


def test_a_server_that_is_not_there_is_found_out_before_the_call() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound, but not listening: a connection is refused
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}/v1"

        async def main() -> None:
            async with started(url):
                return

        with pytest.raises(SetupError, match="nothing answers at"):
            asyncio.run(main())


def test_use_before_start_is_a_provider_error() -> None:
    async def main() -> None:
        stt = OpenAIStt(OpenAISttConfig(base_url="http://localhost:1/v1"), make_host())
        await hear(stt, noise(500))

    with pytest.raises(ProviderError, match="before start"):
        asyncio.run(main())
