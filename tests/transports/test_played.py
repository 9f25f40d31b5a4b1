from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicepipe.audio.echo import EchoGate
from voicepipe.core.frames import Pcm
from voicepipe.transports.played import AHEAD_MS, Played

RATE = 16_000
LOUD = 48_000
BLOCK = LOUD // 100
AHEAD = RATE * AHEAD_MS // 1000


class Ear:
    """Stands in for the gate: keeps what is placed where."""

    def __init__(self) -> None:
        self.placed: list[tuple[int, int]] = []
        self.pcm: list[Pcm] = []

    def play(self, pcm: Pcm, at: int) -> None:
        self.placed.append((at, pcm.size))
        self.pcm.append(pcm)


class Desk:
    """Hands over blocks of 10 ms; ``late``: how many samples late each callback comes."""

    def __init__(self, rate: int = LOUD) -> None:
        self.now: int | None = None
        self.ear = Ear()
        self.played = Played(lambda: self.now, from_rate=rate, rate=RATE)

    def hand_over(self, *, sound: bool = True, now: int | None = None) -> None:
        self.now = now
        self.played.hand_over(np.full(BLOCK if sound else 0, 1000, np.int16), BLOCK)

    def pass_on(self) -> list[tuple[int, int]]:
        gate: EchoGate = self.ear  # type: ignore[assignment]
        self.played.pass_on(gate)
        return self.ear.placed


def test_blocks_lie_end_to_end_at_the_microphones_rate_a_little_early() -> None:
    desk = Desk()
    for number in range(4):
        desk.hand_over(now=16_000 + 160 * number)
    placed = desk.pass_on()
    assert [size for _, size in placed] == [160] * 4
    starts = [at for at, _ in placed]
    assert starts == [starts[0] + 160 * number for number in range(4)]
    assert starts[0] == pytest.approx(16_000 - AHEAD, abs=20), "the resampler's own delay is taken off"
    assert abs(np.concatenate(desk.ear.pcm)[200:] - 1000).max() <= 1


def test_what_is_played_before_the_microphone_begins_is_placed_when_it_has_begun() -> None:
    desk = Desk()
    for _ in range(3):
        desk.hand_over(now=None)
    assert desk.pass_on() == []
    desk.hand_over(now=320)
    starts = [at for at, _ in desk.pass_on()]
    assert starts[3] - starts[0] == 3 * 160
    assert starts[3] == pytest.approx(320 - AHEAD, abs=20)


def test_the_next_reply_is_placed_by_what_was_handed_over_with_the_silence_between() -> None:
    desk = Desk()
    for number in range(100):
        desk.hand_over(sound=number < 2 or number >= 98, now=160 * number)
    starts = [at for at, _ in desk.pass_on()]
    assert starts[2] - starts[0] == 98 * 160


@given(st.lists(st.integers(-160, 160), min_size=200, max_size=200))
def test_callbacks_that_come_early_and_late_hardly_move_the_next_reply(late: list[int]) -> None:
    desk = Desk()
    balanced = [late[i // 2] * (1 if i % 2 else -1) for i in range(200)]
    for number, away in enumerate(balanced):
        desk.hand_over(sound=number >= 199, now=16_000 + 160 * number + away)
    ((start, _),) = desk.pass_on()
    assert start == pytest.approx(16_000 + 160 * 199 - AHEAD, abs=40)


def test_clocks_that_drift_apart_are_followed() -> None:
    desk = Desk()
    for number in range(6000):  # a minute, in which the microphone's clock gains 200 ppm
        desk.hand_over(sound=number == 5999, now=round(160 * number * 1.0002))
    ((start, _),) = desk.pass_on()
    assert start == pytest.approx(160 * 5999 * 1.0002 - AHEAD, abs=24)


def test_lost_blocks_are_a_new_beginning() -> None:
    desk = Desk()
    for number in range(50):
        desk.hand_over(now=160 * number)
    desk.hand_over(now=160 * 50 + 8000)
    starts = [at for at, _ in desk.pass_on()]
    assert starts[50] == pytest.approx(160 * 50 + 8000 - AHEAD, abs=20)


def test_with_equal_rates_samples_pass_as_they_are() -> None:
    desk = Desk(rate=RATE)
    desk.now = 1000
    desk.played.hand_over(np.arange(160, dtype=np.int16), 160)
    assert desk.pass_on() == [(1000 - AHEAD, 160)]
    assert desk.ear.pcm[0].tolist() == list(range(160))
