from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from tests.support.workers import make_host
from voicepipe.providers.sim_vad import SimVad, SimVadConfig


def decisions(levels_dbfs: list[float | None], rate: int = 16_000, **fields: Any) -> str:
    """``x`` for a window of speech, ``.`` for another; None is digital silence."""
    stream = SimVad(SimVadConfig.model_validate(fields), make_host()).open(rate)
    found = ""
    for level in levels_dbfs:
        amplitude = 0.0 if level is None else 32_768 * 10 ** (level / 20)
        window = np.full(stream.window, round(amplitude)).astype(np.int16)
        window[::2] *= -1
        found += "x" if stream.probability(window) > 0.5 else "."
    return found


def test_what_is_loud_is_speech() -> None:
    assert decisions([None, -60, -20, -30, -41, None]) == "..xx.."


def test_the_level_can_be_set() -> None:
    assert decisions([-60, -50, -20], level=-55) == ".xx"


@pytest.mark.parametrize(("lag", "expected"), [("0ms", "x....."), ("10ms", ".x...."), ("25ms", "...x..")])
def test_speech_is_noticed_as_late_as_the_lag_says(lag: str, expected: str) -> None:
    assert decisions([-20, None, None, None, None, None], lag=lag) == expected


@pytest.mark.parametrize("rate", [8_000, 16_000])
def test_false_alarms_are_at_times_of_the_audio(rate: int) -> None:
    alarms = [{"start": "20ms", "end": "40ms"}, {"start": "50ms", "end": "60ms"}]
    assert decisions([None] * 8, rate, false_alarms=alarms) == "..xx.x.."


def test_two_streams_know_nothing_of_each_other() -> None:
    vad = SimVad(SimVadConfig.model_validate({"lag": "10ms"}), make_host())
    loud, quiet = vad.open(16_000), vad.open(16_000)
    loud.probability(np.full(160, 9000, np.int16))
    assert quiet.probability(np.zeros(160, np.int16)) < 0.5
    assert loud.probability(np.zeros(160, np.int16)) > 0.5


def test_a_false_alarm_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(ValidationError, match="end must be after start"):
        SimVadConfig.model_validate({"false_alarms": [{"start": "2s", "end": "1s"}]})
