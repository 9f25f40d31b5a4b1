from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import ValidationError

from voicepipe.errors import SetupError
from voicepipe.providers.elevenlabs_config import ElevenLabsConfig


def query(spoken: str = "en-US", **keys: Any) -> dict[str, str]:
    path = ElevenLabsConfig(**keys).path("a-voice", spoken)
    return {name: value for name, (value,) in parse_qs(urlsplit(path).query, strict_parsing=True).items()}


def test_the_address_names_voice_model_format_and_language() -> None:
    path = ElevenLabsConfig().path("a-voice", "en-US")
    assert path.startswith("/v1/text-to-speech/a-voice/multi-stream-input?")
    assert query() == {
        "model_id": "eleven_flash_v2_5",
        "output_format": "pcm_24000",
        "sync_alignment": "true",
        "auto_mode": "true",
        "inactivity_timeout": "180",
        "language_code": "en",
    }
    assert query(rate=16000)["output_format"] == "pcm_16000"


def test_the_voice_is_the_slots_then_the_agents_and_cannot_leave_its_place_in_the_address() -> None:
    assert "/mine/" in ElevenLabsConfig(voice="mine").path("a-voice", "en")
    assert (
        ElevenLabsConfig(voice="../x?y=1").path(None, "en").startswith("/v1/text-to-speech/..%2Fx%3Fy%3D1/")
    )
    with pytest.raises(SetupError, match="no voice"):
        ElevenLabsConfig().path(None, "en")


@pytest.mark.parametrize(
    ("keys", "language", "code"),
    [
        ({}, "de-AT", "de"),
        ({"language": "fr"}, "de-AT", "fr"),
        ({"model": "eleven_multilingual_v2"}, "de-AT", None),
        ({"model": "eleven_flash_v2"}, "en-US", None),
        ({"model": "eleven_multilingual_v2", "language": "fr"}, "de-AT", "fr"),
    ],
)
def test_the_language_goes_to_models_that_can_be_told(
    keys: dict[str, Any], language: str, code: str | None
) -> None:
    assert query(language, **keys).get("language_code") == code


def test_only_voice_settings_that_were_given_are_sent() -> None:
    assert ElevenLabsConfig().voice_settings() == {}
    given = ElevenLabsConfig(stability=0, similarity=0.8, style=0.1, speaker_boost=False, speed=0.9)
    assert given.voice_settings() == {
        "stability": 0,
        "similarity_boost": 0.8,
        "style": 0.1,
        "use_speaker_boost": False,
        "speed": 0.9,
    }


@pytest.mark.parametrize("model", ["eleven_v3", "eleven_v3_conversational", "eleven_v4_turbo"])
def test_a_model_of_another_protocol_is_refused_in_the_file(model: str) -> None:
    with pytest.raises(ValidationError, match="eleven_flash_v2_5"):
        ElevenLabsConfig(model=model)


@pytest.mark.parametrize(
    "keys",
    [{"speed": 2}, {"stability": 1.1}, {"rate": 11025}, {"language": "en-US"}, {"voice": ""}, {"x": 1}],
)
def test_keys_out_of_range_are_refused(keys: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ElevenLabsConfig(**keys)


@pytest.mark.parametrize(
    ("url", "own"),
    [
        ("wss://api.elevenlabs.io", True),
        ("wss://api.us.elevenlabs.io", True),
        ("wss://api.eu.residency.elevenlabs.io", True),
        ("wss://api.elevenlabs.io.example", False),
        ("wss://elevenlabs.io.evil.example", False),
        ("wss://residency.elevenlabs.io.example", False),
    ],
)
def test_the_key_of_the_environment_goes_to_their_own_hosts_only(url: str, own: bool) -> None:
    if own:
        assert ElevenLabsConfig(base_url=url).find_key({"ELEVENLABS_API_KEY": "k"}) == "k"
    else:
        with pytest.raises(ValidationError, match="api_key is needed"):
            ElevenLabsConfig(base_url=url)
