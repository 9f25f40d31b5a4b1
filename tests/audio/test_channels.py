from __future__ import annotations

import numpy as np
import pytest

from tests.support.echoes import OTHERS, RATE, SHIPPED, Room, voice
from voicepipe.audio.channels import heard_in
from voicepipe.audio.pcm import Pcm, to_pcm


def turns() -> tuple[Pcm, Pcm]:
    """The two sides of a conversation: one speaks while the other is silent."""
    caller, agent = np.zeros(8 * RATE), np.zeros(8 * RATE)
    caller[: 2 * RATE] = voice(OTHERS, seconds=2)
    agent[2 * RATE : 5 * RATE] = voice(SHIPPED, seconds=3)
    caller[5 * RATE : 7 * RATE] = voice(OTHERS[1:], seconds=2)
    noise = Room(noise_dbfs=-60)
    return to_pcm(caller + noise.noise(caller.size, 1)), to_pcm(agent + noise.noise(agent.size, 2))


def test_two_people_who_take_turns_are_two_sounds() -> None:
    assert heard_in(*turns(), RATE) == "two"


def test_two_voices_at_the_same_time_are_two_sounds() -> None:
    left, right = (to_pcm(voice(names, seconds=5)) for names in (OTHERS, SHIPPED))
    assert heard_in(left, right, RATE) == "two"


@pytest.mark.parametrize("late", [0, 1, 12])
@pytest.mark.parametrize("quieter", [1, 4, 30])
def test_one_voice_before_two_microphones_is_one_sound(late: int, quieter: int) -> None:
    speech, noise = voice(SHIPPED, seconds=4), Room(noise_dbfs=-60)
    other = np.concatenate((np.zeros(late), speech))[: speech.size] / quieter
    left, right = (to_pcm(side + noise.noise(side.size, seed)) for seed, side in enumerate((speech, other)))
    assert heard_in(left, right, RATE) == "same"


def test_a_channel_that_is_silent_or_only_hisses_is_told() -> None:
    speech = to_pcm(voice(SHIPPED, seconds=2))
    hiss = to_pcm(Room(noise_dbfs=-75).noise(speech.size))
    assert heard_in(speech, np.zeros_like(speech), RATE) == "left"
    assert heard_in(hiss, speech, RATE) == "right"


def test_nothing_and_a_steady_sound_are_one_sound() -> None:
    nothing, steady = np.zeros(RATE, np.int16), np.full(RATE, 500, np.int16)
    assert heard_in(nothing, nothing, RATE) == "same"
    assert heard_in(steady, steady, RATE) == "same"
