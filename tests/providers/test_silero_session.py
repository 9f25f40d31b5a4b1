from __future__ import annotations

import numpy as np
import pytest

from voicepipe.audio.level import rms_dbfs
from voicepipe.core.frames import Pcm
from voicepipe.providers.base import VadStream
from voicepipe.providers.silero_gate import Gate
from voicepipe.providers.silero_session import (
    MOST_GAIN_DB,
    NOMINAL_DBFS,
    QUIET_WINDOWS,
    RECALLED_WINDOWS,
    Session,
)

SPEECH, NOISE = 1.0, 0.0


class Network:
    """Says what ``probability`` is, and notes the levels of what it hears and how often it began anew."""

    def __init__(self) -> None:
        self.window = 512
        self.opened = 0
        self.heard: list[float] = []
        self.said = NOISE

    def open(self, rate: int) -> VadStream:
        self.opened += 1
        return self

    def probability(self, window: Pcm) -> float:
        self.heard.append(rms_dbfs(window))
        return self.said


def at(dbfs: float) -> Pcm:
    return np.resize(np.array([1, -1]) * round(32768 * 10 ** (dbfs / 20)), 512).astype(np.int16)


def hear(network: Network, session: Session, dbfs: float, probability: float, windows: int = 100) -> float:
    """How loud the network hears the last of so many windows of that level, of which it says so."""
    network.said = probability
    for _ in range(windows):
        session.probability(at(dbfs))
    return network.heard[-1]


@pytest.mark.parametrize("dbfs", [-30.0, -36.0, -43.0])
def test_a_quiet_caller_is_heard_at_the_nominal_level_once_known(dbfs: float) -> None:
    network = Network()
    session = Session(network, 16_000)
    assert hear(network, session, dbfs, SPEECH, 1) == pytest.approx(dbfs, abs=0.1)
    assert hear(network, session, dbfs, SPEECH) == pytest.approx(NOMINAL_DBFS, abs=0.2)


def test_there_is_an_end_to_making_louder() -> None:
    network = Network()
    session = Session(network, 16_000)
    assert hear(network, session, -60.0, SPEECH, 300) == pytest.approx(-60 + MOST_GAIN_DB, abs=0.2)


def test_a_loud_caller_is_left_alone() -> None:
    network = Network()
    session = Session(network, 16_000)
    assert hear(network, session, -12.0, SPEECH) == pytest.approx(-12, abs=0.01)


def test_noise_teaches_nothing_about_the_caller() -> None:
    network = Network()
    session = Session(network, 16_000)
    assert hear(network, session, -50.0, NOISE) == pytest.approx(-50, abs=0.1)
    hear(network, session, -36.0, SPEECH)
    assert hear(network, session, -70.0, NOISE) == pytest.approx(-60, abs=1)


def test_a_sound_that_would_be_clipped_is_cut_at_full_scale_and_not_wrapped() -> None:
    network = Network()
    session = Session(network, 16_000)
    hear(network, session, -44.0, SPEECH)
    assert hear(network, session, -6.0, NOISE, 1) == pytest.approx(0, abs=0.01)


def test_it_begins_anew_after_three_seconds_without_speech_and_only_then() -> None:
    network = Network()
    session = Session(network, 16_000)
    hear(network, session, -20.0, NOISE, QUIET_WINDOWS - 1)
    hear(network, session, -20.0, SPEECH, QUIET_WINDOWS)
    assert network.opened == 1
    hear(network, session, -20.0, NOISE, QUIET_WINDOWS)
    assert network.opened == 2


QUIET_LINE, WHILE = -65.0, 100


def heard_levels(network: Network) -> list[int]:
    return [round(level) for level in network.heard]


def test_behind_a_gate_the_network_isnt_shown_an_unchanged_background() -> None:
    network = Network()
    session = Session(network, 16_000, Gate())
    hear(network, session, QUIET_LINE, NOISE, WHILE)
    assert len(network.heard) < WHILE / 2
    assert session.probability(at(QUIET_LINE)) == 0


def test_what_it_wasnt_shown_last_it_hears_before_the_first_louder_window() -> None:
    network = Network()
    session = Session(network, 16_000, Gate())
    hear(network, session, QUIET_LINE, NOISE, WHILE)
    shown = len(network.heard)
    network.said = SPEECH
    assert session.probability(at(-30)) == SPEECH
    assert heard_levels(network)[shown:] == [round(QUIET_LINE)] * RECALLED_WINDOWS + [-30]
    session.probability(at(-30))
    assert heard_levels(network)[-1] == -30
    assert len(network.heard) == shown + RECALLED_WINDOWS + 2


def test_it_hears_them_in_their_order() -> None:
    network = Network()
    session = Session(network, 16_000, Gate())
    hear(network, session, QUIET_LINE, NOISE, WHILE)
    shown = len(network.heard)
    swelling = [QUIET_LINE + window / 10 for window in range(RECALLED_WINDOWS + 3)]
    for dbfs in swelling:
        assert session.probability(at(dbfs)) == 0
    session.probability(at(-30))
    assert network.heard[shown:-1] == pytest.approx(swelling[3:], abs=0.3)


def test_behind_a_gate_too_it_begins_anew_after_three_seconds_without_speech_and_only_then() -> None:
    network = Network()
    session = Session(network, 16_000, Gate())
    hear(network, session, QUIET_LINE, NOISE, QUIET_WINDOWS - 1)
    hear(network, session, -30, SPEECH, 1)
    assert network.opened == 1
    hear(network, session, QUIET_LINE, NOISE, QUIET_WINDOWS)
    hear(network, session, -30, SPEECH, 1)
    assert network.opened == 2


def test_a_window_that_is_passed_over_is_answered_at_once_and_later_ones_in_order() -> None:
    network = Network()
    session = Session(network, 16_000, Gate())
    hear(network, session, QUIET_LINE, NOISE, WHILE)
    answers: list[float | Exception] = []
    session.submit(at(QUIET_LINE), answers.append)
    assert answers == [0.0]
    network.said = SPEECH
    session.submit(at(-30), answers.append)
    session.settle()
    assert answers == [0.0, SPEECH]


def test_without_a_gate_the_network_is_shown_every_window() -> None:
    network = Network()
    session = Session(network, 16_000)
    hear(network, session, QUIET_LINE, NOISE, WHILE)
    assert len(network.heard) == WHILE
