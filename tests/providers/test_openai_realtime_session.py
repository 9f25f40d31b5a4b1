"""What a session is told, checked with the vendor's own models, and what it tells of turns."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("openai", reason="needs the extra 'local'")

from tests.support.realtime import WEATHER, a_config
from voicepipe.errors import ProviderError
from voicepipe.providers.openai_realtime_session import edge_of, session_of
from voicepipe.providers.realtime_base import CallerSilent, CallerStarted, CallerStopped, RealtimeSetup
from voicepipe.testing.realtime_wire import check_client_event


def session(
    setup: RealtimeSetup | None = None, language: str = "en-US", voice: str | None = None, **fields: Any
) -> dict[str, Any]:
    """The session, which the vendor's models must accept."""
    made = session_of(a_config(**fields), setup or RealtimeSetup(instructions="Be brief."), language, voice)
    check_client_event({"type": "session.update", "session": made})
    return made


def test_by_default_only_what_is_needed_is_sent() -> None:
    assert session() == {
        "type": "realtime",
        "instructions": "Be brief.",
        "output_modalities": ["audio"],
        "tools": [],
        "audio": {
            "input": {
                "format": {"type": "audio/pcm", "rate": 24_000},
                "transcription": {"model": "gpt-transcribe", "languages": ["en"]},
                "noise_reduction": None,
                "turn_detection": None,
            },
            "output": {"format": {"type": "audio/pcm", "rate": 24_000}},
        },
    }


def test_everything_that_can_be_set_arrives() -> None:
    made = session(
        RealtimeSetup(instructions="", tools=[WEATHER], finds_turns=True),
        voice="cedar",
        speed=1.2,
        input_format="pcmu",
        output_format="pcma",
        transcription={"model": "whisper-1", "language": "sv", "prompt": "a clinic"},
        noise_reduction="far_field",
        turn_detection={"type": "semantic_vad", "eagerness": "low"},
        tool_choice="required",
        max_output_tokens=200,
        truncation="disabled",
        reasoning_effort="minimal",
    )
    assert made["audio"]["input"] == {
        "format": {"type": "audio/pcmu"},
        "transcription": {"model": "whisper-1", "language": "sv", "prompt": "a clinic"},
        "noise_reduction": {"type": "far_field"},
        "turn_detection": {
            "type": "semantic_vad",
            "eagerness": "low",
            "create_response": False,
            "interrupt_response": False,
        },
    }
    assert made["audio"]["output"] == {"format": {"type": "audio/pcma"}, "voice": "cedar", "speed": 1.2}
    assert made["tools"][0]["name"] == "weather"
    kept = ("tool_choice", "max_output_tokens", "truncation", "reasoning")
    assert [made[name] for name in kept] == ["required", 200, "disabled", {"effort": "minimal"}]


def test_a_named_tool_and_a_share_of_the_conversation_have_shapes_of_their_own() -> None:
    made = session(
        RealtimeSetup(instructions="", tools=[WEATHER]),
        tool_choice="weather",
        truncation={"retention_ratio": 0.8, "tokens": 5000},
        transcription={"keywords": ["Oak Street"]},
    )
    assert made["tool_choice"] == {"type": "function", "name": "weather"}
    assert made["truncation"] == {
        "type": "retention_ratio",
        "retention_ratio": 0.8,
        "token_limits": {"post_instructions": 5000},
    }
    assert made["audio"]["input"]["transcription"]["keywords"] == ["Oak Street"]


def test_the_voice_is_the_pipelines_own_or_the_agents() -> None:
    assert session(voice="marin")["audio"]["output"]["voice"] == "marin"
    made = session_of(a_config(voice="sage"), RealtimeSetup(instructions=""), "en", "marin")
    assert made["audio"]["output"]["voice"] == "sage"
    custom = session_of(a_config(), RealtimeSetup(instructions=""), "en", "voice_1234")
    assert custom["audio"]["output"]["voice"] == {"id": "voice_1234"}


def test_a_model_that_only_writes_has_no_voice() -> None:
    made = session(RealtimeSetup(instructions="", speaks=False), voice="marin")
    assert made["output_modalities"] == ["text"]
    assert "output" not in made["audio"]


def test_without_transcription_none_is_asked_for() -> None:
    assert session(transcription="off")["audio"]["input"]["transcription"] is None


STARTED = {"type": "input_audio_buffer.speech_started", "audio_start_ms": 700, "item_id": "i"}
STOPPED = {"type": "input_audio_buffer.speech_stopped", "audio_end_ms": 2000, "item_id": "i"}


def test_turns_are_told_without_the_servers_padding_and_silence() -> None:
    vad = a_config(
        turn_detection={"prefix_padding": "200ms", "silence_duration": "600ms", "type": "server_vad"}
    )
    assert edge_of(vad.turn_detection, STARTED) == CallerStarted(audio_ms=900)
    assert edge_of(vad.turn_detection, STOPPED) == CallerStopped(audio_ms=1400, item_id="i")
    idle = {"type": "input_audio_buffer.timeout_triggered", "audio_start_ms": 0, "audio_end_ms": 9}
    assert edge_of(vad.turn_detection, idle) == CallerSilent()
    assert edge_of(vad.turn_detection, {"type": "input_audio_buffer.committed"}) is None


def test_an_edge_without_its_time_is_a_bad_answer() -> None:
    vad = a_config().turn_detection
    for event in ({**STARTED, "audio_start_ms": None}, {**STOPPED, "item_id": 5}):
        with pytest.raises(ProviderError):
            edge_of(vad, event)
