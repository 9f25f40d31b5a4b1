from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.tones import tone
from voicepipe.audio.level import rms_dbfs
from voicepipe.audio.mix import fade_in, fade_out, gain, glide


@pytest.mark.parametrize("db", [-15.0, -3.0, 6.0])
def test_gain_changes_the_level_by_so_many_decibels(db: float) -> None:
    quiet = tone(440, 16000, peak=10000)
    assert rms_dbfs(gain(quiet, db)) - rms_dbfs(quiet) == pytest.approx(db, abs=0.01)


def test_gain_clips_instead_of_wrapping_around() -> None:
    assert gain(np.array([30000, -30000], np.int16), 6).tolist() == [32767, -32768]


def test_gain_of_zero_decibels_returns_the_same_array() -> None:
    pcm = tone(440, 16000)
    assert gain(pcm, 0) is pcm


def test_gain_keeps_the_shape_of_stereo() -> None:
    assert gain(np.ones((5, 2), np.int16), -6).shape == (5, 2)


@given(length=st.integers(0, 400), ms=st.integers(0, 30))
def test_fade_keeps_the_length_and_ends_in_silence(length: int, ms: int) -> None:
    pcm = np.full(length, 10000, np.int16)
    faded = fade_out(pcm, 8000, ms)
    untouched = max(0, length - 8 * ms)
    assert len(faded) == length
    assert (faded[:untouched] == 10000).all()
    assert (np.diff(faded.astype(int)) <= 0).all()
    assert length == 0 or ms == 0 or faded[-1] == 0


def test_fade_leaves_its_input_as_it_was() -> None:
    pcm = np.full(100, 10000, np.int16)
    fade_out(pcm, 8000, 5)
    assert (pcm == 10000).all()


@given(length=st.integers(0, 400), ms=st.integers(0, 30))
def test_fading_in_is_fading_out_from_behind(length: int, ms: int) -> None:
    pcm = np.arange(length, dtype=np.int16)
    assert np.array_equal(fade_in(pcm, 8000, ms), fade_out(pcm[::-1], 8000, ms)[::-1])
    assert length == 0 or ms == 0 or fade_in(pcm + 1, 8000, ms)[0] == 0


@pytest.mark.parametrize(("start", "end"), [(0.0, -15.0), (-15.0, 0.0), (-3.0, -9.0)])
def test_a_glide_goes_from_one_gain_to_the_other_without_a_step(start: float, end: float) -> None:
    pcm = np.full(320, 10_000, np.int16)
    glided = glide(pcm, start, end)
    assert glided[0] == pytest.approx(10_000 * 10 ** (start / 20), abs=1)
    assert glided[-1] == pytest.approx(10_000 * 10 ** (end / 20), abs=1)
    assert np.abs(np.diff(glided.astype(int))).max() < 40


def test_a_glide_between_equal_gains_is_that_gain() -> None:
    pcm = tone(440, 16000)
    assert glide(pcm, 0, 0) is pcm
    assert np.array_equal(glide(pcm, -6, -6), gain(pcm, -6))
