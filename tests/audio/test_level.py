from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.clips import clip
from tests.support.tones import tone
from voicepipe.audio.level import (
    SILENCE_DBFS,
    SilenceTrimmer,
    end_of_speech,
    first_audible,
    frame_levels,
    rms_dbfs,
)
from voicepipe.audio.pcm import Pcm
from voicepipe.audio.wav import read_wav

RATE = 16000


def silence(samples: int) -> Pcm:
    return np.zeros(samples, np.int16)


def test_full_scale_square_wave_is_zero_dbfs_and_the_sine_three_less() -> None:
    assert rms_dbfs(np.full(320, -32768, np.int16)) == 0
    assert rms_dbfs(tone(1000, RATE, peak=32767)) == pytest.approx(-3.01, abs=0.01)


@pytest.mark.parametrize("pcm", [silence(320), silence(0), np.eye(1, 32000, dtype=np.int16)[0]])
def test_silence_nothing_and_almost_nothing_have_the_lowest_level(pcm: Pcm) -> None:
    assert rms_dbfs(pcm) == SILENCE_DBFS


@given(
    frames=st.integers(0, 6), size=st.sampled_from([1, 160, 480]), peak=st.sampled_from([0, 1, 3000, 32767])
)
def test_levels_of_frames_are_those_of_each_frame(frames: int, size: int, peak: int) -> None:
    pcm = np.random.default_rng(peak).integers(-peak, peak, frames * size, np.int16, endpoint=True)
    assert frame_levels(pcm, size) == [rms_dbfs(pcm[at : at + size]) for at in range(0, pcm.size, size)]


def test_end_of_speech_is_the_end_of_the_last_loud_frame() -> None:
    speech = np.concatenate((silence(700), tone(300, RATE, 0.1), silence(5000)))
    assert end_of_speech(speech, RATE) == 2560  # the tone ends at 2300, in the frame from 2240 to 2560


def test_first_audible_is_the_start_of_the_first_audible_frame() -> None:
    speech = np.concatenate((silence(700), tone(300, RATE, 0.1), silence(5000)))
    assert first_audible(speech, RATE) == 640


def test_nothing_loud_has_neither_an_end_nor_a_beginning() -> None:
    assert end_of_speech(silence(5000), RATE) is None
    assert first_audible(silence(0), RATE) is None


def test_speech_in_the_incomplete_frame_at_the_end_counts() -> None:
    speech = np.concatenate((silence(640), tone(300, RATE, 0.005)))
    assert end_of_speech(speech, RATE) == len(speech)
    assert first_audible(speech, RATE) == 640


def test_a_level_at_the_threshold_is_not_above_it() -> None:
    half = np.full(320, 16384, np.int16)
    level = rms_dbfs(half)
    assert end_of_speech(half, RATE, level + 0.001) is None
    assert end_of_speech(half, RATE, level - 0.001) == 320


def test_rates_without_whole_20_ms_frames_are_served() -> None:
    speech = np.concatenate((tone(300, 11025, 0.1), silence(3000)))
    end = end_of_speech(speech, 11025)
    assert end is not None
    assert 1102 <= end <= 1102 + 220


@given(
    lead=st.integers(0, 12000),
    cuts=st.lists(st.integers(0, 14000), max_size=12),
)
def test_trimming_does_not_depend_on_the_blocks_and_keeps_all_that_is_audible(
    lead: int, cuts: list[int]
) -> None:
    voice = np.arange(1, 2001, dtype=np.int16) * 16
    stream = np.concatenate((silence(lead), voice))
    trimmer = SilenceTrimmer(RATE, keep_ms=10, give_up_ms=500)
    out = np.concatenate([*map(trimmer.process, np.split(stream, sorted(cuts))), trimmer.flush()])
    # -50 dBFS is 103.6, which the ramp passes at its seventh sample.
    onset = min(lead + 6, 8000)
    assert trimmer.dropped == max(0, onset - 160)
    assert np.array_equal(out, stream[trimmer.dropped :])


def test_after_the_onset_blocks_pass_as_they_are() -> None:
    trimmer = SilenceTrimmer(RATE)
    trimmer.process(tone(300, RATE))
    later = silence(320)
    assert trimmer.process(later) is later
    assert len(trimmer.flush()) == 0


def test_a_stream_of_silence_ends_with_what_was_held() -> None:
    trimmer = SilenceTrimmer(RATE, keep_ms=10)
    assert len(trimmer.process(silence(1000))) == 0
    assert len(trimmer.flush()) == 160
    assert len(trimmer.flush()) == 0


def test_human_speech_is_found_inside_the_silence_around_it() -> None:
    wav = read_wav(clip("ps_goforward.wav"))
    start, end = first_audible(wav.pcm, wav.rate), end_of_speech(wav.pcm, wav.rate)
    assert start is not None
    assert end is not None
    padded = np.concatenate((silence(3200), wav.pcm, silence(3200)))
    assert first_audible(padded, wav.rate) == start + 3200
    assert end_of_speech(padded, wav.rate) == end + 3200
    assert 0 <= start < end < len(wav.pcm)
