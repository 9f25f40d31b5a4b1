from __future__ import annotations

import numpy as np
import pytest

from voicepipe.audio.pcm import MAX_RATE, MIN_RATE, amplitude, check_rate, samples_in, to_pcm
from voicepipe.errors import AudioError


def test_values_are_rounded_to_the_nearest_sample_and_clipped() -> None:
    assert to_pcm(np.array([0.4, -0.6, 32767.4, 40000.0, -40000.0])).tolist() == [0, -1, 32767, 32767, -32768]


@pytest.mark.parametrize("rate", [MIN_RATE, 22050, MAX_RATE])
def test_a_rate_in_range_is_returned(rate: int) -> None:
    assert check_rate(rate) == rate


@pytest.mark.parametrize("rate", [0, -8000, MIN_RATE - 1, MAX_RATE + 1])
def test_a_rate_out_of_range_is_named_with_what_was_expected(rate: int) -> None:
    with pytest.raises(AudioError, match=f"a.wav: a sample rate of {rate} Hz was found, 4000 to 192000"):
        check_rate(rate, "a.wav: ")


def test_decibels_and_milliseconds_convert() -> None:
    assert amplitude(-20) == pytest.approx(0.1)
    assert samples_in(11025, 20) == 220
