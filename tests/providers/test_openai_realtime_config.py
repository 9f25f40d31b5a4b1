"""The keys of ``realtime: {use: openai/…}``."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from tests.support.realtime import SECRET, a_config
from voicepipe.core.units import MS
from voicepipe.providers.openai_realtime_config import OpenAIRealtimeConfig, SemanticVad


def test_a_model_is_all_that_is_needed() -> None:
    config = OpenAIRealtimeConfig.model_validate({"model": "gpt-realtime-2.1"})
    assert config.base_url == "https://api.openai.com/v1"
    assert (config.rate_in, config.rate) == (24_000, 24_000)
    assert config.writer is not None
    assert config.writer.model == "gpt-transcribe"


def test_g711_means_a_telephones_rate_on_that_side() -> None:
    config = a_config(input_format="pcmu", output_format="pcm")
    assert (config.rate_in, config.rate) == (8000, 24_000)


def test_durations_have_units_and_the_kind_of_detection_is_named() -> None:
    config = a_config(
        turn_detection={"type": "server_vad", "silence_duration": "250ms", "idle_timeout": "8s"}
    )
    assert config.turn_detection.as_sent() == {
        "type": "server_vad",
        "threshold": 0.5,
        "prefix_padding_ms": 300,
        "silence_duration_ms": 250,
        "idle_timeout_ms": 8000,
    }
    assert config.read_timeout == 5000 * MS
    semantic = a_config(turn_detection={"type": "semantic_vad"}).turn_detection
    assert semantic == SemanticVad(type="semantic_vad", eagerness="auto")


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"base_url": "http://example.com/v1"}, "loopback"),
        ({"base_url": "wss://example.com/v1"}, "api_key is needed"),
        ({"turn_detection": {"type": "server_vad", "eagerness": "low"}}, "eagerness"),
        ({"turn_detection": {"type": "server_vad", "silence_duration": 500}}, "needs a unit"),
        ({"turn_detection": {"type": "none"}}, "server_vad"),
        ({"turn_detection": None}, "turn_detection"),
        ({"max_output_tokens": 5000}, "4096"),
        ({"truncation": "some"}, "truncation"),
        ({"truncation": {"retention_ratio": 2}}, "retention_ratio"),
        ({"input_format": "pcm16"}, "pcm"),
        ({"noise_reduction": "near"}, "near_field"),
        ({"transcription": {"model": ""}}, "model"),
        ({"transcription": {"language": "english"}}, "language"),
        ({"speed": 2}, "1.5"),
        ({"temperature": 0.8}, "temperature"),
        ({"output": "text"}, "output"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_name(fields: dict[str, Any], text: str) -> None:
    with pytest.raises(ValidationError, match=text):
        a_config(**fields)


def test_a_key_is_never_shown() -> None:
    config = a_config("wss://example.com/v1", api_key=SECRET)
    assert SECRET not in repr(config)
    assert SECRET not in config.model_dump_json()
