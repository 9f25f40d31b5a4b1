"""The ``openai`` STT that hears the caller while they speak, against a real WebSocket server on loopback."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest

from tests.support.deepgram_stt import RATE, blocks, hear, noise, spoken, texts
from tests.support.openai_stt import LIVE_MODEL, started
from tests.support.starting import setup_failure
from tests.support.workers import make_call, make_host
from voicepipe.audio.resample import Resampler
from voicepipe.core.calls import Call
from voicepipe.core.frames import Pcm
from voicepipe.core.units import SECOND
from voicepipe.errors import ProviderError
from voicepipe.providers.base import Hypothesis
from voicepipe.providers.openai_live_transcription import COMMIT, append, session_update
from voicepipe.providers.openai_stt import OpenAIStt, OpenAISttConfig
from voicepipe.testing.openai_live_server import OpenAILiveServer, Session, Turn
from voicepipe.testing.realtime_script import Refusal
from voicepipe.testing.realtime_wire import check_client_event

pytest.importorskip("openai", reason="needs the extra 'cloud'")
pytest.importorskip("websockets", reason="needs the extra 'cloud'")

SECRET = "sk-very-secret-0123456789"
PARIS = Turn(deltas=["What is ", "the weather", " in Paris?"])


def heard(
    *turns: Turn, pcm: Pcm | None = None, **config: Any
) -> tuple[list[list[Hypothesis]], list[Session]]:
    """What comes of each of ``turns``, one after the other in one session, and what the server saw."""

    async def main() -> tuple[list[list[Hypothesis]], list[Session]]:
        async with (
            OpenAILiveServer(*turns) as server,
            started(server.base_url, model=LIVE_MODEL, **config) as stt,
        ):
            return [await hear(stt, noise(1000) if pcm is None else pcm) for _ in turns], server.sessions

    return asyncio.run(main())


def failure(turn: Turn, call: Call | None = None) -> ProviderError:
    async def main() -> None:
        async with OpenAILiveServer(turn) as server, started(server.base_url, model=LIVE_MODEL) as stt:
            await hear(stt, noise(1000), call or make_call())

    with pytest.raises(ProviderError) as caught:
        asyncio.run(main())
    return caught.value


# ── what is heard ────────────────────────────────────────────────────────────────────────────────


def test_the_transcript_comes_in_pieces_and_whole_in_the_end() -> None:
    (hypotheses,), _ = heard(PARIS)
    assert texts(hypotheses) == [
        ("What is", False),
        ("What is the weather", False),
        ("What is the weather in Paris?", False),
        ("What is the weather in Paris?", True),
    ]


def test_a_partial_comes_before_the_caller_has_finished() -> None:
    async def main() -> None:
        go_on = asyncio.Event()

        async def caller() -> AsyncIterator[Pcm]:
            yield noise(300)
            await go_on.wait()
            yield noise(600)

        async with OpenAILiveServer(PARIS) as server, started(server.base_url, model=LIVE_MODEL) as stt:
            stream = stt.transcribe(make_call(), caller())
            assert (await anext(stream)).text == "What is"
            go_on.set()
            assert [one async for one in stream][-1].final

    asyncio.run(main())


def test_the_server_hears_the_callers_audio_at_its_own_rate() -> None:
    pcm = spoken("kal_what_is_the_weather_in_paris")
    _, (session,) = heard(PARIS, pcm=pcm)
    resampler = Resampler(RATE, 24_000)
    expected = np.concatenate((resampler.process(pcm), resampler.flush()))
    assert session.audio[0] == expected.astype("<i2").tobytes()


def test_the_keys_of_the_pipeline_are_those_of_the_session() -> None:
    _, (session,) = heard(PARIS, keywords=["Oak Street"], prompt="A clinic.", language="de-AT")
    assert session.config == {
        "model": LIVE_MODEL,
        "languages": ["de"],
        "prompt": "A clinic.",
        "keywords": ["Oak Street"],
    }


def test_less_than_the_server_takes_is_filled_up_with_silence() -> None:
    (hypotheses,), (session,) = heard(Turn(deltas=["Hm."]), pcm=noise(60))
    assert texts(hypotheses)[-1] == ("Hm.", True)
    assert len(session.audio[0]) >= 4800


def test_no_audio_is_an_empty_transcript() -> None:
    (hypotheses,), (session,) = heard(PARIS, pcm=np.zeros(0, np.int16))
    assert (texts(hypotheses), session.audio) == ([("", True)], [])


def test_the_turns_of_a_session_share_a_connection_and_are_kept_apart() -> None:
    said = [Turn(deltas=["One."]), Turn(deltas=["Two."]), Turn()]
    results, sessions = heard(*said)
    assert [texts(result)[-1] for result in results] == [("One.", True), ("Two.", True), ("", True)]
    assert [len(session.audio) for session in sessions] == [3]


def test_two_callers_are_heard_at_once_on_connections_of_their_own() -> None:
    async def main() -> None:
        said = [Turn(deltas=["Yes."])] * 2
        async with OpenAILiveServer(*said) as server, started(server.base_url, model=LIVE_MODEL) as stt:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(hear(stt, noise(500), make_call(name))) for name in ("ann", "bob")]
            assert [texts(task.result())[-1] for task in tasks] == [("Yes.", True)] * 2
            assert [len(session.audio) for session in server.sessions] == [1, 1]

    asyncio.run(main())


def test_every_event_that_is_sent_is_one_of_the_vendors() -> None:
    events = [
        session_update("gpt-live-transcribe", OpenAISttConfig(keywords=["x"], prompt="y").hints("en")),
        json.loads(append(noise(20))),
        json.loads(COMMIT),
    ]
    for event in events:
        check_client_event(event)


# ── usage ────────────────────────────────────────────────────────────────────────────────────────


def test_usage_is_what_the_server_reports() -> None:
    async def main() -> list[dict[Any, int]]:
        said = [PARIS, Turn(deltas=["Well, yes."], usage="tokens")]
        async with OpenAILiveServer(*said) as server, started(server.base_url, model=LIVE_MODEL) as stt:
            calls = [make_call(), make_call()]
            for call in calls:
                await hear(stt, noise(1000), call)
            return [call.usage for call in calls]

    by_time, by_tokens = asyncio.run(main())
    ((unit, amount),) = by_time.items()
    assert unit == ("audio_in_ms", False)
    assert abs(amount - 1000) <= 2
    assert by_tokens == {("audio_tokens_in", False): 10, ("tokens_out", False): 2}


def test_a_call_that_is_cancelled_costs_what_was_sent_and_its_connection_is_closed() -> None:
    async def main() -> None:
        call = make_call()
        server = OpenAILiveServer(Turn(deltas=["What"], fault="stall"))
        async with server, started(server.base_url, model=LIVE_MODEL) as stt:
            stream: Any = stt.transcribe(call, blocks(noise(800)))
            await anext(stream)
            await stream.aclose()
            async with asyncio.timeout(5):
                await server.sessions[0].closed.wait()
        ((unit, amount),) = call.usage.items()
        assert unit == ("audio_in_ms", True)
        assert 0 < amount <= 802

    asyncio.run(main())


# ── what goes wrong ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("drop", "server"),
        ("reset", "connection"),
        ("expire", "connection"),
        ("malformed", "protocol"),
        ("odd", "protocol"),
        ("failed", "server"),
    ],
)
def test_what_the_server_does_wrong_is_classed(fault: Any, kind: str) -> None:
    error = failure(Turn(deltas=["What"], fault=fault))
    assert (error.kind, error.retryable, error.provider) == (kind, True, "openai")


def test_a_broken_connection_is_not_used_again() -> None:
    async def main() -> None:
        said = [Turn(fault="failed"), Turn(deltas=["Yes."])]
        async with OpenAILiveServer(*said) as server, started(server.base_url, model=LIVE_MODEL) as stt:
            with pytest.raises(ProviderError):
                await hear(stt, noise(500))
            assert texts(await hear(stt, noise(500)))[-1] == ("Yes.", True)
            assert len(server.sessions) == 2

    asyncio.run(main())


def test_a_transcript_without_end_is_cut_off() -> None:
    error = failure(Turn(deltas=["x" * 60_000] * 2))
    assert error.kind == "protocol"
    assert "longer than" in error.message


def test_a_rate_limit_says_when_to_come_back() -> None:
    async def main() -> ProviderError:
        async with (
            OpenAILiveServer() as server,
            started(server.base_url, model=LIVE_MODEL, keep_open="0s") as stt,
        ):
            server.refusals.append(Refusal(status=429, headers={"retry-after": "2"}))
            with pytest.raises(ProviderError) as caught:
                await hear(stt, noise(300))
        return caught.value

    error = asyncio.run(main())
    assert (error.kind, error.retryable, error.retry_after_ns) == ("rate_limit", True, 2 * SECOND)


def test_use_before_start_is_a_provider_error() -> None:
    async def main() -> None:
        stt = OpenAIStt(OpenAISttConfig(base_url="http://localhost:1/v1", model=LIVE_MODEL), make_host())
        await hear(stt, noise(500))

    with pytest.raises(ProviderError, match="before start"):
        asyncio.run(main())


def test_a_refused_key_is_found_out_before_the_call_and_never_shown() -> None:
    error = setup_failure(started, OpenAILiveServer(key="right"), model=LIVE_MODEL, api_key=SECRET)
    assert "refused the key" in error.message
    assert SECRET not in str(error)


def test_a_model_that_can_not_do_it_is_found_out_before_the_call() -> None:
    error = setup_failure(started, OpenAILiveServer(), model="gpt-6-luna", live=True)
    assert "Model 'gpt-6-luna' is not supported" in error.message
