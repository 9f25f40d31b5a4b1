from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.workers import make_call, make_host
from voicepipe.audio.level import rms_dbfs
from voicepipe.core.clock import run_on
from voicepipe.core.frames import Pcm, Word
from voicepipe.core.units import MS
from voicepipe.errors import ProviderError
from voicepipe.providers.base import Speech
from voicepipe.providers.sim_tts import BLOCK_MS, SimTts, SimTtsConfig, hum


def provider(**fields: Any) -> SimTts:
    return SimTts(SimTtsConfig.model_validate(fields), make_host())


def spoken(tts: SimTts, text: str) -> list[tuple[int, Speech | Word]]:
    async def main() -> list[tuple[int, Speech | Word]]:
        call = make_call()
        return [(call.clock.now(), event) async for event in tts.synthesize(call, text)]

    return run_on("simulated", main())


def audio(tts: SimTts, text: str) -> Pcm:
    return np.concatenate([event.pcm for _, event in spoken(tts, text) if isinstance(event, Speech)])


def test_each_word_lasts_as_long_as_the_speed_says_and_is_told_before_its_audio() -> None:
    events = [event for _, event in spoken(provider(speed=2.0, rate=16_000), "Hello my friend")]
    words = [event for event in events if isinstance(event, Word)]
    assert [(word.text, word.start_ms, word.end_ms) for word in words] == [
        ("Hello", 0, 500),
        ("my", 500, 1000),
        ("friend", 1000, 1500),
    ]
    assert [isinstance(event, Word) for event in events[:7]] == [True, *[False] * 5, True]
    assert audio(provider(speed=2.0, rate=16_000), "Hello my friend").size == 24_000


@pytest.mark.parametrize("rate", [8_000, 22_050, 24_000, 48_000])
@pytest.mark.parametrize("speed", [0.7, 2.5, 3.3])
def test_the_audio_is_as_long_as_its_words_at_any_rate(rate: int, speed: float) -> None:
    tts = provider(rate=rate, speed=speed)
    assert tts.rate == rate
    assert audio(tts, "a b c d e f g").size == round(7 * rate / speed)


def test_the_first_audio_comes_after_its_latency_and_the_rest_at_the_declared_pace() -> None:
    tts = provider(first_audio="80ms", realtime_factor=0.5, speed=2.5)
    times = [at / MS for at, event in spoken(tts, "two words") if isinstance(event, Speech)]
    assert times == pytest.approx([80 + n * 0.5 * BLOCK_MS for n in range(8)])


def test_a_voice_can_be_too_slow_for_its_listener() -> None:
    tts = provider(realtime_factor=2.0, first_audio="0ms", speed=2.5)
    last = spoken(tts, "one two three")[-1][0]
    assert last == pytest.approx(2 * (1200 - BLOCK_MS) * MS)


def test_the_first_frame_is_audible_and_nothing_is_clipped() -> None:
    pcm = audio(provider(), "Hello")
    assert rms_dbfs(pcm[:480]) > -30
    assert rms_dbfs(pcm) == pytest.approx(-18, abs=1)
    assert np.abs(pcm.astype(int)).max() < 32_000


def test_the_same_text_makes_the_same_samples() -> None:
    assert np.array_equal(audio(provider(), "Hello there"), audio(provider(), "Hello there"))
    assert not np.array_equal(hum("Hello", 4800, 24_000), hum("there", 4800, 24_000))


@given(st.text(max_size=20), st.integers(0, 3000), st.sampled_from([8_000, 24_000, 48_000]))
def test_any_word_makes_a_sound_of_the_length_asked_for(word: str, samples: int, rate: int) -> None:
    sound = hum(word, samples, rate)
    assert (sound.dtype, sound.shape) == (np.int16, (samples,))


@pytest.mark.parametrize("text", ["", "   "])
def test_nothing_to_say_makes_no_audio(text: str) -> None:
    assert spoken(provider(), text) == []


def test_usage_is_the_characters_that_were_sent_also_when_the_call_is_left() -> None:
    async def main() -> dict[Any, int]:
        call = make_call()
        events = provider().synthesize(call, "Hello there")
        await anext(events)
        await events.aclose()
        return call.usage

    assert run_on("simulated", main()) == {("characters", False): 11}


def test_a_scripted_failure_breaks_the_voice_off() -> None:
    with pytest.raises(ProviderError, match="fails, as its script says"):
        spoken(provider(fail={"kind": "internal", "after": 3}), "Hello there")
