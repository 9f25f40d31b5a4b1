from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.support.clips import clip
from tests.support.tones import tone
from tests.support.workers import make_host
from voicepipe.audio.mix import gain
from voicepipe.audio.resample import resample
from voicepipe.audio.wav import read_wav
from voicepipe.core.frames import Pcm
from voicepipe.providers.energy import Energy

RATE = 16_000
SECOND = 31
"""Windows of 32 ms."""


def listen(pcm: Pcm, rate: int = RATE, **keys: Any) -> np.ndarray[Any, Any]:
    stream = Energy(Energy.Config(**keys), make_host()).open(rate)
    size = stream.window
    return np.array([stream.probability(pcm[at : at + size]) for at in range(0, len(pcm) - size + 1, size)])


def noise(seconds: float, rms: float, seed: int = 1) -> Pcm:
    return np.random.default_rng(seed).normal(0, rms, round(seconds * RATE)).astype(np.int16)


def test_silence_is_no_speech() -> None:
    assert listen(np.zeros(RATE, np.int16)).max() < 0.01


def test_a_direct_current_is_no_speech_whatever_its_size() -> None:
    assert listen(np.full(RATE, 20_000, np.int16)).max() < 0.01


def test_a_direct_current_does_not_hide_speech() -> None:
    word = tone(300, RATE, 0.5, peak=3000) + np.int16(20_000)
    assert listen(np.concatenate((np.full(RATE, 20_000, np.int16), word)))[-10:].min() > 0.9


def test_noise_that_is_there_from_the_start_is_learnt_within_the_memory() -> None:
    heard = listen(noise(6, 200))
    assert heard[3 * SECOND :].max() < 0.1


def test_noise_that_sets_in_is_learnt_within_the_memory() -> None:
    heard = listen(np.concatenate((np.zeros(3 * RATE, np.int16), noise(6, 600))), memory="1s")
    assert heard[3 * SECOND + 5] > 0.9
    assert heard[-4 * SECOND :].max() < 0.1


def test_speech_is_heard_over_noise_that_was_learnt() -> None:
    pcm = noise(8, 100)
    pcm[4 * RATE : 5 * RATE] += tone(200, RATE, 1, peak=2000)
    heard = listen(pcm)
    speech = slice(4 * SECOND + 3, 5 * SECOND - 3)
    assert heard[speech].min() > 0.9
    assert heard[3 * SECOND : 4 * SECOND - 1].max() < 0.1
    assert heard[-2 * SECOND :].max() < 0.1


def test_speech_at_the_very_beginning_is_heard() -> None:
    assert listen(tone(200, RATE, 0.5, peak=3000)).min() > 0.9


def test_a_wider_margin_needs_louder_speech() -> None:
    word = tone(200, RATE, 0.2, peak=300)  # −43.8 dBFS, 6 dB over the noise that is expected
    assert listen(word, margin=3).min() > 0.7
    assert listen(word, margin=10).max() < 0.3


@pytest.mark.parametrize("rate", [8000, 16_000])
@pytest.mark.parametrize(
    ("name", "speech"),
    [
        ("ps_goforward.wav", (0.55, 2.0)),
        ("tau2_yes.wav", (0.1, 0.4)),
        ("lk_weather_question.wav", (0.4, 1.6)),
    ],
)
def test_a_clip_has_speech_where_its_speech_is(name: str, speech: tuple[float, float], rate: int) -> None:
    wav = read_wav(clip(name))
    heard = listen(resample(wav.pcm, wav.rate, rate), rate)
    begin, end = (round(second * SECOND) for second in speech)
    assert np.mean(heard[begin:end] > 0.5) > 0.8
    assert max(heard[: max(1, begin // 3)]) < 0.5


def test_a_quiet_copy_of_a_clip_is_heard_almost_as_well() -> None:
    pcm = read_wav(clip("ps_goforward.wav")).pcm
    loud, quiet = listen(pcm) > 0.5, listen(gain(pcm, -6)) > 0.5
    assert quiet.sum() > 0.75 * loud.sum()


@given(st.lists(st.integers(-32_768, 32_767), min_size=1, max_size=20))
def test_a_probability_is_one_for_any_samples(values: list[int]) -> None:
    heard = listen(np.resize(np.array(values, np.int16), 20 * 512))
    assert ((heard >= 0) & (heard <= 1)).all()


def test_sessions_do_not_share_their_noise() -> None:
    provider = Energy(Energy.Config(), make_host())
    one, two = provider.open(RATE), provider.open(RATE)
    for _ in range(4 * SECOND):
        one.probability(tone(200, RATE, 0.032, peak=3000))
    word = tone(200, RATE, 0.032, peak=3000)
    assert one.probability(word) < 0.1
    assert two.probability(word) > 0.9


def test_a_margin_out_of_range_is_refused() -> None:
    with pytest.raises(ValidationError, match="margin"):
        Energy.Config(margin=1)
