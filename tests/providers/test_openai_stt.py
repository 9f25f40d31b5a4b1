"""The keys of the ``openai`` STT, and which way they choose."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pydantic import ValidationError

from tests.support.deepgram_stt import hear, spoken, texts
from tests.support.openai_stt import started
from tests.support.workers import make_host
from voicepipe.providers.openai_stt import OpenAIStt, OpenAISttConfig
from voicepipe.testing.openai_audio_server import Hear, OpenAIAudioServer
from voicepipe.testing.openai_live_server import OpenAILiveServer, Turn

pytest.importorskip("openai", reason="needs the extra 'cloud'")


@pytest.mark.parametrize(
    ("model", "live", "expected"),
    [
        ("gpt-transcribe", None, False),
        ("gpt-live-transcribe", None, True),
        ("gpt-realtime-whisper", None, True),
        ("whisper-large", True, True),
        ("gpt-live-transcribe", False, False),
    ],
)
def test_a_model_is_live_by_its_name_or_if_it_is_said(model: str, live: bool | None, expected: bool) -> None:
    config = OpenAISttConfig(model=model, live=live)
    assert config.is_live is expected
    silence = OpenAIStt(config, make_host()).billed(1234)
    assert silence == ({"audio_in_ms": 1234} if expected else {}), "a file holds an utterance, no silence"


@pytest.mark.parametrize(
    ("config", "agent", "expected"),
    [
        ({}, "en-US", {"languages": ["en"]}),
        ({"model": "whisper-1"}, "de-DE", {"language": "de"}),
        ({"language": "fr"}, "de-DE", {"languages": ["fr"]}),
        ({"language": "auto"}, "de-DE", {}),
        (
            {"prompt": "A clinic.", "keywords": ["Oak Street"], "language": "auto"},
            "en",
            {"prompt": "A clinic.", "keywords": ["Oak Street"]},
        ),
    ],
)
def test_what_a_request_says_of_the_speech(
    config: dict[str, Any], agent: str, expected: dict[str, Any]
) -> None:
    assert OpenAISttConfig(**config).hints(agent) == expected


def test_keywords_for_a_model_of_openais_that_takes_none_are_an_error() -> None:
    with pytest.raises(ValidationError, match="whisper-1 takes no keywords"):
        OpenAISttConfig(model="whisper-1", keywords=["Oak Street"])
    assert OpenAISttConfig(model="mine", keywords=["x"], base_url="http://localhost:9/v1").keywords == ("x",)


def test_each_way_is_taken_and_both_hear_the_same() -> None:
    async def main() -> None:
        deltas = ["What", " time is it?"]
        async with OpenAIAudioServer(Hear(deltas=deltas)) as server, started(server.base_url) as stt:
            by_file = await hear(stt, spoken())
        async with (
            OpenAILiveServer(Turn(deltas=deltas)) as server,
            started(server.base_url, model="gpt-live-transcribe") as stt,
        ):
            live = await hear(stt, spoken())
        assert texts(by_file) == texts(live)
        assert texts(live)[-1] == ("What time is it?", True)

    asyncio.run(main())


@pytest.mark.parametrize("model", ["gpt-transcribe", "gpt-live-transcribe"])
def test_doctor_is_told_of_a_missing_key(model: str) -> None:
    (problem,) = OpenAIStt(OpenAISttConfig(model=model), make_host(env={})).check()
    assert "OPENAI_API_KEY" in problem
    assert OpenAIStt(OpenAISttConfig(model=model), make_host(env={"OPENAI_API_KEY": "x"})).check() == []
