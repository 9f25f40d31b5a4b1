from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from voicepipe.core.frames import Pcm
from voicepipe.speech.prosody import Measures, ProsodyTracker

WINDOW = 512


def voice(
    rate: int,
    seconds: float,
    *,
    hz: float = 150.0,
    slope: float = 0.0,
    dbfs: float = -15.0,
    harmonics: int = 8,
) -> Pcm:
    """A buzz that begins at ``hz`` and glides by ``slope`` semitones per second."""
    at = np.arange(int(rate * seconds)) / rate
    phase = 2 * np.pi * np.cumsum(hz * 2 ** (slope * at / 12)) / rate
    buzz = sum(np.sin(k * phase) / k for k in range(1, harmonics + 1))
    return np.asarray(buzz / np.sqrt(np.mean(buzz**2)) * 32768 * 10 ** (dbfs / 20), np.int16)


def noise(rate: int, seconds: float, dbfs: float, seed: int = 0) -> Pcm:
    samples = np.random.default_rng(seed).normal(0, 32768 * 10 ** (dbfs / 20), int(rate * seconds))
    return np.clip(samples, -32768, 32767).astype(np.int16)


def silence(rate: int, seconds: float) -> Pcm:
    return np.zeros(int(rate * seconds), np.int16)


def measured(rate: int, *pieces: Pcm, tracker: ProsodyTracker | None = None) -> Measures:
    tracker = tracker or ProsodyTracker(rate)
    audio = np.concatenate(pieces)
    for start in range(0, audio.size, WINDOW):
        tracker.push(audio[start : start + WINDOW])
    return tracker.measure()


@given(
    rate=st.sampled_from([8000, 16000, 24000]),
    hz=st.floats(140, 240),
    slope=st.floats(-25, 25),
    dbfs=st.floats(-35, -12),
)
@example(rate=8000, hz=90.0, slope=-12.0, dbfs=-20.0)
@example(rate=44100, hz=150.0, slope=10.0, dbfs=-20.0)
@settings(max_examples=60)
def test_the_slope_of_a_glide_is_found_at_any_rate_and_loudness(
    rate: int, hz: float, slope: float, dbfs: float
) -> None:
    found = measured(rate, voice(rate, 0.5, hz=hz, slope=slope, dbfs=dbfs))
    assert found.pitch_slope == pytest.approx(slope, abs=0.5 + 0.05 * abs(slope))
    assert found.voiced_ms >= 300


@given(hz=st.floats(100, 280), step=st.floats(-6, 6))
@settings(max_examples=40)
def test_the_height_of_the_end_is_counted_from_the_speakers_own_median(hz: float, step: float) -> None:
    end = voice(16000, 0.15, hz=hz * 2 ** (step / 12))
    found = measured(16000, voice(16000, 0.9, hz=hz), end)
    assert found.pitch_height == pytest.approx(step, abs=0.4)


def test_the_median_is_learned_over_several_utterances() -> None:
    tracker = ProsodyTracker(16000)
    measured(16000, voice(16000, 1.0, hz=120), tracker=tracker)
    tracker.reset()
    found = measured(16000, voice(16000, 0.3, hz=240), tracker=tracker)
    assert found.pitch_height == pytest.approx(12, abs=0.3)


def test_the_same_audio_is_not_learned_twice() -> None:
    tracker = ProsodyTracker(16000)
    measured(16000, voice(16000, 0.5, hz=120), tracker=tracker)
    for _ in range(20):
        tracker.measure()
    found = measured(16000, voice(16000, 1.0, hz=240), tracker=tracker)
    assert found.pitch_height == pytest.approx(0, abs=0.3)


def test_the_height_is_unknown_before_enough_of_the_speaker_was_heard() -> None:
    found = measured(16000, voice(16000, 0.2))
    assert found.pitch_slope is not None
    assert found.pitch_height is None


@pytest.mark.parametrize("seed", range(8))
def test_noise_has_no_pitch(seed: int) -> None:
    found = measured(16000, noise(16000, 1.0, -20, seed))
    assert (found.pitch_slope, found.pitch_height, found.voiced_ms) == (None, None, 0)


@pytest.mark.parametrize("seconds", [0.0, 0.01, 0.03, 1.0])
def test_silence_has_nothing(seconds: float) -> None:
    assert measured(16000, silence(16000, seconds)) == Measures(None, None, 0.0, 0)


def test_a_voice_is_found_in_noise() -> None:
    clean, hiss = voice(16000, 0.6, hz=130, slope=-12), noise(16000, 0.6, -35)
    found = measured(16000, (clean.astype(int) + hiss).clip(-32768, 32767).astype(np.int16))
    assert found.pitch_slope == pytest.approx(-12, abs=1.5)


def test_silence_after_the_speech_changes_nothing() -> None:
    speech = voice(16000, 0.6, slope=-10)
    alone, paused = measured(16000, speech), measured(16000, speech, silence(16000, 0.1))
    assert paused.pitch_slope == pytest.approx(alone.pitch_slope, abs=0.5)
    assert paused.level_fall == pytest.approx(alone.level_fall, abs=1.0)


def test_a_voiceless_consonant_at_the_end_does_not_hide_the_pitch_before_it() -> None:
    found = measured(16000, voice(16000, 0.6, slope=-10), noise(16000, 0.15, -32))
    assert found.pitch_slope == pytest.approx(-10, abs=1.0)


def test_a_voice_long_before_the_end_says_nothing_about_it() -> None:
    found = measured(16000, voice(16000, 0.4), noise(16000, 0.6, -32))
    assert found.pitch_slope is None


@given(fall=st.floats(0, 24))
@settings(max_examples=30)
def test_the_fall_of_the_level_is_in_decibels(fall: float) -> None:
    found = measured(16000, voice(16000, 0.9), voice(16000, 0.12, dbfs=-15 - fall))
    assert found.level_fall == pytest.approx(fall, abs=1.5)


def test_an_utterance_is_forgotten_at_its_reset() -> None:
    tracker = ProsodyTracker(16000)
    measured(16000, voice(16000, 1.0), tracker=tracker)
    tracker.reset()
    assert tracker.measure() == Measures(None, None, 0.0, 0)


@given(sizes=st.lists(st.integers(0, 30_000), min_size=1, max_size=8))
@settings(max_examples=30)
def test_it_does_not_matter_in_which_pieces_the_audio_comes(sizes: list[int]) -> None:
    audio = voice(16000, sum(sizes) / 16000 + 0.1, slope=-3)
    whole, pieces = ProsodyTracker(16000), ProsodyTracker(16000)
    whole.push(audio)
    start = 0
    for size in (*sizes, audio.size):
        pieces.push(audio[start : start + size])
        start += size
    assert pieces.measure() == whole.measure()


@pytest.mark.parametrize("rate", [8000, 16000])
def test_the_noise_since_the_voice_paused_is_not_taken_for_its_end(rate: int) -> None:
    """A noise 20 dB below the voice made every voice fall by 15 dB."""
    spoken, since = voice(rate, 0.6, dbfs=-20), noise(rate, 0.1, -40)
    tracker = ProsodyTracker(rate)
    for piece in (spoken, since):
        tracker.push(piece)
    found = tracker.measure(since.size)
    assert found.level_fall == pytest.approx(measured(rate, spoken).level_fall, abs=0.5)
    assert found.voiced_ms == pytest.approx(measured(rate, spoken).voiced_ms, abs=20)
    tracker.push(spoken)
    assert abs(tracker.measure().level_fall) < 1


def test_nothing_but_silence_has_no_voice() -> None:
    tracker = ProsodyTracker(16000)
    tracker.push(voice(16000, 0.1))
    assert tracker.measure(9999) == Measures(None, None, 0.0, 0)
