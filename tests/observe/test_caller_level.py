from __future__ import annotations

import numpy as np
import pytest

from tests.support.stages import RATE, frames_of
from tests.support.tones import tone
from voicepipe.core.frames import Pcm, TypedText
from voicepipe.core.records import CallerLevel
from voicepipe.observe.caller_level import LevelMeter, advice

AT = 1_000_000


def level_of(*parts: Pcm) -> CallerLevel:
    meter = LevelMeter()
    for frame in frames_of(np.concatenate(parts)):
        meter(frame)
    level = meter.record(AT)
    assert level is not None
    assert level.at_ns == AT
    return level


def loud(factor: float) -> Pcm:
    """A second of a tone at ``factor`` times full scale, cut off there."""
    wave = np.round(tone(300, RATE, 1.0, peak=30_000) * (factor * 32_768 / 30_000))
    return np.clip(wave, -32_768, 32_767).astype(np.int16)


SILENCE = np.zeros(RATE, np.int16)


def test_a_call_without_audio_has_no_level() -> None:
    meter = LevelMeter()
    meter(TypedText(text="hello", at_ns=0))
    assert meter.record(AT) is None


def test_the_loudest_sound_counts_however_long_the_silence_is() -> None:
    level = level_of(SILENCE, loud(0.1), SILENCE, SILENCE)
    assert level.loudest_dbfs == pytest.approx(-23.0, abs=0.2)
    assert level.clipped == 0
    assert list(advice(level)) == []


@pytest.mark.parametrize(("factor", "least"), [(1.5, 0.9), (8.0, 0.9)])
def test_what_stands_at_full_scale_is_clipped(factor: float, least: float) -> None:
    level = level_of(SILENCE, loud(factor))
    assert level.clipped >= least
    (sentence,) = advice(level)
    assert sentence.endswith("% of what the caller said was clipped: the microphone's level is too high")


@pytest.mark.parametrize("factor", [0.95, 0.5])
def test_what_only_comes_close_to_full_scale_isnt(factor: float) -> None:
    assert level_of(loud(factor)).clipped == 0


def test_a_knock_is_no_reason_to_worry() -> None:
    assert list(advice(level_of(*[loud(0.3)] * 5, loud(8.0)[: RATE // 10]))) == []


def test_very_quiet_and_silent_microphones_are_told_apart() -> None:
    (quiet,) = advice(level_of(loud(0.003)))
    assert quiet.startswith("the caller's side was very quiet: −54 dBFS at the loudest")
    (silent,) = advice(level_of(SILENCE))
    assert silent.startswith("nothing but silence came from the caller")
