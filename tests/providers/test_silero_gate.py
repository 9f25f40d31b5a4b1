from __future__ import annotations

import pytest

from voicepipe.providers.silero_gate import STILL_WINDOWS, Gate

SPEECH, NOISE = 0.9, 0.02


def power(dbfs: float) -> float:
    return float(32768**2 * 10 ** (dbfs / 10))


def listened(gate: Gate, *levels: float, probability: float = NOISE) -> list[bool]:
    """Of windows at ``levels``, in dBFS, whether each was shut out; the network says so of the others."""
    shut = []
    for level in levels:
        shut.append(gate.shuts(power(level)))
        if not shut[-1]:
            gate.judged(power(level), probability)
    return shut


def still(level: float) -> Gate:
    """One that has heard two seconds of noise at ``level``."""
    gate = Gate()
    listened(gate, *[level] * 62)
    return gate


def test_a_background_is_judged_for_a_quarter_of_a_second_and_then_passed_over() -> None:
    shut = listened(Gate(), *[-75.0] * 20)
    assert shut == [False] * STILL_WINDOWS + [True] * (20 - STILL_WINDOWS)


@pytest.mark.parametrize("level", [-96.0, -72.0, -60.0, -53.5])
def test_it_learns_how_loud_a_quiet_background_is(level: float) -> None:
    assert listened(still(level), level, level - 10, level + 2) == [True] * 3


@pytest.mark.parametrize("level", [-68.0, -60.0, -53.5])
def test_the_first_window_that_is_louder_opens_it(level: float) -> None:
    assert listened(still(level), level, level + 4) == [True, False]


def test_it_stays_open_until_a_quarter_of_a_second_was_without_speech_again() -> None:
    gate = still(-60)
    assert listened(gate, -40, -30, -60, probability=SPEECH) == [False] * 3
    assert listened(gate, *[-60.0] * (STILL_WINDOWS + 1)) == [False] * STILL_WINDOWS + [True]


def test_soft_speech_that_the_network_hears_keeps_it_open() -> None:
    assert not any(listened(Gate(), *[-60.0] * 100, probability=0.3))


def test_what_is_above_minus_50_dbfs_is_always_judged_however_long_it_lasts() -> None:
    assert not any(listened(still(-53), *[-49.0] * 200))


def test_speech_teaches_it_nothing_about_the_background() -> None:
    gate = still(-70)
    listened(gate, *[-52.0] * 100, probability=SPEECH)
    listened(gate, *[-70.0] * STILL_WINDOWS)
    assert listened(gate, -70, -60) == [True, False]


def test_a_background_that_becomes_louder_is_learnt_within_seconds() -> None:
    gate = still(-70)
    assert listened(gate, *[-56.0] * 62)[-1]
    assert not listened(gate, -52)[0]
