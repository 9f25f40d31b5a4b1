from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicepipe.audio.level import first_audible, rms_dbfs
from voicepipe.core.extras import installed
from voicepipe.core.frames import Word
from voicepipe.core.units import MS
from voicepipe.transports.spoken import WORDS_PER_SECOND, captions, noise, spoken, with_words
from voicepipe.transports.wav import Clip

RATE = 16_000
TEXT = "Can I get in on Thursday, the 5th of May?"
needs_espeak = pytest.mark.skipif(not installed("espeakng_loader"), reason="espeak-ng is not installed")
WAYS = [pytest.param(True, marks=needs_espeak, id="espeak"), pytest.param(False, id="noise")]


@pytest.mark.parametrize("by_espeak", WAYS)
def test_all_words_travel_with_the_audio_in_their_order(by_espeak: bool) -> None:
    clip = spoken(TEXT, "en-US", RATE, by_espeak=by_espeak)
    assert clip.captions is not None
    assert " ".join(clip.captions[frame] for frame in sorted(clip.captions)) == TEXT
    assert max(clip.captions) < clip.pcm.size / (RATE // 50)


@pytest.mark.parametrize("by_espeak", WAYS)
def test_it_begins_with_its_first_sound_and_ends_with_its_last(by_espeak: bool) -> None:
    clip = spoken("Thursday", "en-US", RATE, by_espeak=by_espeak)
    assert first_audible(clip.pcm, RATE) == 0
    assert clip.end_of_speech == clip.pcm.size
    assert -30 < rms_dbfs(clip.pcm) < -10, "as loud as recorded speech"


def test_the_same_words_are_the_same_noise() -> None:
    one = spoken(TEXT, "en-US", RATE, by_espeak=False)
    spoken.cache_clear()
    other = spoken(TEXT, "en-US", RATE, by_espeak=False)
    assert np.array_equal(one.pcm, other.pcm)
    assert one.captions == other.captions


def test_noise_lasts_as_long_as_its_words_and_falls_like_speech() -> None:
    clip = spoken("one two three four five", "en-US", RATE, by_espeak=False)
    assert clip.pcm.size == pytest.approx(5 / WORDS_PER_SECOND * RATE, rel=0.02)
    spectrum = np.abs(np.fft.rfft(clip.pcm.astype(float))) ** 2
    low, high = spectrum[: spectrum.size // 8].sum(), spectrum[-spectrum.size // 8 :].sum()
    assert low > 50 * high


@needs_espeak
def test_a_text_without_a_sound_is_told_apart_from_one_with_it() -> None:
    assert spoken("…", "en-US", RATE, by_espeak=True).pcm.size < spoken("Hm.", "en-US", RATE).pcm.size


def test_words_of_a_recording_are_spread_over_its_speech() -> None:
    clip = Clip("a.wav", np.ones(2 * RATE, np.int16), RATE)
    assert with_words(clip, "where is my order", RATE).captions == {
        6: "where",
        18: "is",
        31: "my",
        43: "order",
    }
    assert with_words(clip, "", RATE).captions == {}


@given(st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 500)), max_size=8), st.integers(0, 400))
def test_no_word_is_lost_wherever_the_audio_is_cut(times: list[tuple[int, int]], early_ms: int) -> None:
    timed = [Word(text=f"w{n}", start_ms=at, end_ms=at + length) for n, (at, length) in enumerate(times)]
    found = captions(timed, early_ms, 2000)
    assert sorted(" ".join(found.values()).split()) == sorted(word.text for word in timed)
    assert all(0 <= frame < 100 for frame in found)


def test_a_noise_is_as_loud_and_long_as_it_should_be_and_has_no_words() -> None:
    clip = noise(400 * MS, RATE)
    assert clip.end_of_speech == clip.pcm.size == 400 * RATE // 1000
    assert clip.captions == {}, "somebody knows that nothing is said"
    assert -30 < rms_dbfs(clip.pcm) < -10
    assert np.array_equal(clip.pcm, noise(400 * MS, RATE).pcm)
