from __future__ import annotations

import numpy as np
import pytest

from tests.support.tones import tone
from voicepipe.audio.bands import Bands


@pytest.mark.parametrize("rate", [8000, 16_000, 24_000])
def test_the_powers_of_a_tone_sum_to_its_own_and_lie_in_its_band(rate: int) -> None:
    bands = Bands(rate, rate // 50)
    sine = tone(1085, rate, 0.2, peak=16_384).astype(np.float32)[: bands.window]
    powers = bands.measure(sine)
    assert powers.shape == (bands.count,)
    assert powers.sum() == pytest.approx(0.5**2 / 2, rel=0.05)
    assert int(np.argmax(powers)) == 8, "1000 to 1170 Hz"


def test_the_window_is_a_frame_and_some_of_the_one_before() -> None:
    assert [Bands(rate, rate // 50).window for rate in (8000, 16_000, 24_000)] == [256, 512, 512]


def test_silence_has_no_power() -> None:
    bands = Bands(16_000, 320)
    assert not bands.measure(np.zeros(bands.window, np.float32)).any()
