from __future__ import annotations

import numpy as np
import pytest

from tests.support.echoes import OTHERS, RATE, SHIPPED, Room, Wave, voice
from tests.support.tones import tone
from voicepipe.audio.delay import DelayFinder

FINDER = DelayFinder(RATE)
END = 3 * RATE // 2


def look(microphone: Wave, played: Wave, end: int = END) -> tuple[int, float]:
    start = end - FINDER.window
    heard, before = microphone[start:end], played[start - FINDER.reach : end]
    return FINDER.find(heard.astype(np.float32), before.astype(np.float32))


@pytest.mark.parametrize("delay_ms", [0, 5, 120, 300, 500])
@pytest.mark.parametrize("room", [{}, {"decay_ms": 500}, {"overdriven": 4000, "echo_db": -35}])
def test_the_delay_of_an_echo_is_found(delay_ms: int, room: dict[str, float]) -> None:
    played = voice(SHIPPED, seconds=4)
    there = Room(delay_ms=delay_ms, **room)
    delay, likeness = look(there.echo(played) + there.noise(played.size), played)
    assert delay == pytest.approx(delay_ms * RATE / 1000, abs=2)
    assert likeness > 0.22


def test_a_tenth_of_a_second_of_echo_is_enough() -> None:
    played = voice(SHIPPED, seconds=4)
    played[: END - RATE // 4] = 0
    room = Room(delay_ms=150, decay_ms=300)
    delay, likeness = look(room.echo(played) + room.noise(played.size), played)
    assert delay == pytest.approx(0.150 * RATE, abs=2)
    assert likeness > 0.22


def test_another_voice_is_not_like_what_was_played() -> None:
    played, other = voice(SHIPPED, seconds=8), voice(OTHERS, seconds=8)
    likenesses = [look(other, played, end)[1] for end in range(2 * RATE, 8 * RATE, RATE // 4)]
    assert max(likenesses) < 0.22
    assert np.median(likenesses) < 0.12


def test_neither_is_a_fan_that_hums() -> None:
    fan = tone(220, RATE, 4.0, peak=1000).astype(np.float64) + Room(noise_dbfs=-45).noise(4 * RATE)
    played = voice(SHIPPED, seconds=4)
    assert look(fan, played)[1] < 0.22


def test_silence_is_like_nothing() -> None:
    played, silence = voice(SHIPPED, seconds=4), np.zeros(4 * RATE)
    assert look(silence, played) == (0, 0.0)
    assert look(played, silence) == (0, 0.0)
