from __future__ import annotations

import tracemalloc
from math import ceil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.clips import clip
from tests.support.tones import LIVE_RATIOS, split_tone, tone, worst_alias_db
from voicepipe.audio.pcm import Pcm
from voicepipe.audio.resample import FEW, MAX_BLOCK, Resampler, resample
from voicepipe.audio.wav import read_wav
from voicepipe.errors import AudioError

NOISE = np.random.default_rng(1).integers(-32768, 32768, 6000, dtype=np.int16)


def streamed(resampler: Resampler, blocks: list[Pcm]) -> Pcm:
    return np.concatenate([*map(resampler.process, blocks), resampler.flush()])


@given(
    ratio=st.sampled_from([*LIVE_RATIOS, (16000, 15999), (4000, 192000), (192000, 4000), (44101, 16000)]),
    length=st.integers(0, 6000),
    cuts=st.lists(st.integers(0, 6000), max_size=8),
)
def test_output_does_not_depend_on_the_blocks(ratio: tuple[int, int], length: int, cuts: list[int]) -> None:
    source = NOISE[:length]
    whole = streamed(Resampler(*ratio), [source])
    assert np.array_equal(streamed(Resampler(*ratio), np.split(source, sorted(cuts))), whole)


@pytest.mark.parametrize("before", [0, 1], ids=["with a rest", "out of step"])
def test_a_long_block_that_doesnt_suit_the_rounds_gathers_only_a_few_inputs_at_once(before: int) -> None:
    resampler = Resampler(24000, 16000)
    resampler.process(NOISE[:before])
    block = NOISE[: MAX_BLOCK - 1]
    tracemalloc.start()
    resampler.process(block)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    gathered = FEW * 2 // 3 * 49 * 8  # windows of 49 inputs, one for each output
    assert most < 3 * gathered


@pytest.mark.parametrize("ratio", LIVE_RATIOS)
def test_frames_of_20_ms_give_to_the_bit_what_single_samples_give(ratio: tuple[int, int]) -> None:
    source = NOISE[: ratio[0] // 50 * 4]
    frames = streamed(Resampler(*ratio), np.split(source, 4))
    assert np.array_equal(streamed(Resampler(*ratio), np.split(source, len(source))), frames)


@given(ratio=st.sampled_from(LIVE_RATIOS), sizes=st.lists(st.integers(0, 2 * MAX_BLOCK), max_size=6))
def test_output_comes_as_soon_as_its_input(ratio: tuple[int, int], sizes: list[int]) -> None:
    resampler = Resampler(*ratio)
    taken = given_back = 0
    for size in sizes:
        given_back += len(resampler.process(NOISE[:size]))
        taken += min(size, len(NOISE))
        assert given_back == ceil(taken * ratio[1] / ratio[0])
    assert len(resampler.flush()) == resampler.delay_samples


@pytest.mark.parametrize("ratio", LIVE_RATIOS)
def test_twenty_milliseconds_in_give_twenty_milliseconds_out(ratio: tuple[int, int]) -> None:
    resampler = Resampler(*ratio)
    block = np.zeros(ratio[0] // 50, np.int16)
    assert [len(resampler.process(block)) for _ in range(5)] == [ratio[1] // 50] * 5


@pytest.mark.parametrize("ratio", LIVE_RATIOS)
def test_delay_is_at_most_two_milliseconds_and_as_stated(ratio: tuple[int, int]) -> None:
    resampler = Resampler(*ratio)
    assert 0 < resampler.delay_ms <= 2
    assert resampler.delay_ms == 1000 * resampler.delay_samples / ratio[1]
    click = np.zeros(ratio[0] // 10, np.int16)
    click[ratio[0] // 50] = 30000
    late = resampler.process(click)
    assert int(late.argmax()) == ratio[1] // 50 + resampler.delay_samples


@pytest.mark.parametrize("ratio", LIVE_RATIOS)
def test_aliases_and_images_are_seventy_five_decibels_down(ratio: tuple[int, int]) -> None:
    assert worst_alias_db(*ratio) < -75


@pytest.mark.parametrize("ratio", LIVE_RATIOS)
def test_the_band_of_speech_keeps_its_level_and_place(ratio: tuple[int, int]) -> None:
    lower = min(ratio) / 2
    for frequency in (100.0, 0.5 * lower, 0.8 * lower):
        got = resample(tone(frequency, ratio[0]), *ratio)[200:-200].astype(np.float64)
        ideal = tone(frequency, ratio[1])[200:-200]
        assert np.abs(got - ideal[: len(got)]).max() < 0.01 * 32000
        level, _ = split_tone(np.rint(got).astype(np.int16), frequency, ratio[1])
        assert 20 * np.log10(level / (32000 / np.sqrt(2))) == pytest.approx(0, abs=0.05)


def test_a_constant_stays_constant_in_every_phase() -> None:
    out = resample(np.full(4410, 12345, np.int16), 44100, 16000)[50:-50]
    assert set(out.tolist()) == {12345}


def test_overshoot_at_full_scale_is_clipped() -> None:
    square = np.where(np.arange(1600) // 20 % 2, 32767, -32768).astype(np.int16)
    out = resample(square, 16000, 24000).astype(int)
    assert out.max() == 32767
    assert out.min() == -32768
    assert (np.abs(np.diff(out)) < 65000).all()


def test_equal_rates_pass_the_blocks_through_as_they_are() -> None:
    resampler = Resampler(16000, 16000)
    assert resampler.process(NOISE) is NOISE
    assert resample(NOISE, 16000, 16000) is NOISE
    assert len(resampler.flush()) == 0
    assert resampler.delay_samples == resampler.delay_ms == 0


def test_after_a_flush_a_new_stream_begins() -> None:
    resampler = Resampler(22050, 16000)
    first = streamed(resampler, [NOISE])
    assert np.array_equal(streamed(resampler, [NOISE]), first)


@given(ratio=st.sampled_from(LIVE_RATIOS), length=st.integers(0, 3000))
def test_a_whole_clip_keeps_its_duration(ratio: tuple[int, int], length: int) -> None:
    expected = length * ratio[1] / ratio[0]
    assert abs(len(resample(NOISE[:length], *ratio)) - expected) <= 0.5


def test_a_rate_out_of_range_is_refused() -> None:
    with pytest.raises(AudioError, match="a sample rate of 300 Hz"):
        Resampler(300, 16000)


def test_speech_survives_the_way_to_24_khz_and_back() -> None:
    wav = read_wav(clip("jfk.wav"))
    there = resample(wav.pcm, wav.rate, 24000)
    back = resample(there, 24000, wav.rate)
    assert len(there) == len(wav.pcm) * 3 // 2
    assert len(back) == len(wav.pcm)
    error = back.astype(np.float64) - wav.pcm
    level = np.sqrt(np.mean(wav.pcm.astype(np.float64) ** 2))
    assert (
        20 * np.log10(np.sqrt(np.mean(error**2)) / level) < -30
    )  # what it has above 6.7 kHz is all that differs
