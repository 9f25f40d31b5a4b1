"""The gate in rooms that exist only as numbers. The figures behind its settings: benchmarks/echo.py."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.echoes import (
    FRAME,
    OTHERS,
    RATE,
    SHIPPED,
    Room,
    Wave,
    gated,
    level_of,
    sounding,
    voice,
)
from voicepipe.audio.echo import EchoGate
from voicepipe.audio.level import rms_dbfs
from voicepipe.audio.pcm import to_pcm
from voicepipe.errors import AudioError
from voicepipe.providers.energy import EnergyConfig, EnergyStream

SECONDS = 8
LEAD = RATE // 2
"""Silence before the agent speaks."""

ROOMS = {
    "loud": Room(echo_db=-6, decay_ms=300),
    "few reflections": Room(),
    "quiet": Room(echo_db=-30, decay_ms=300),
    "very quiet": Room(echo_db=-40, noise_dbfs=-72, decay_ms=300),
    "at once": Room(delay_ms=0),
    "late": Room(delay_ms=300),
    "later still": Room(delay_ms=420, decay_ms=300),
    "reverberant": Room(decay_ms=500),
    "small loudspeaker": Room(overdriven=6000, decay_ms=300),
    "noise": Room(echo_db=-15, noise_dbfs=-48),
}


FAINT = (ROOMS["very quiet"], ROOMS["noise"])
"""Echoes that this VAD doesn't take for speech anyway; better ones do."""


def agent(seconds: float = SECONDS) -> Wave:
    return np.concatenate((np.zeros(LEAD), voice(SHIPPED, seconds=seconds - 0.5)))


def heard(room: Room, played: Wave) -> Wave:
    return room.echo(played) + room.noise(played.size)


def with_caller(room: Room, played: Wave, *, at_s: float, over_echo_db: float) -> Wave:
    """The microphone when somebody says a second of something from ``at_s`` on."""
    microphone = heard(room, played)
    words = voice(OTHERS[:1], seconds=1, dbfs=level_of(room.echo(played)) + over_echo_db)
    start = round(at_s * RATE)
    microphone[start : start + words.size] += words
    return microphone


def speech_windows(pcm: Wave) -> int:
    """How many windows the base install's VAD takes for speech."""
    stream = EnergyStream(EnergyConfig(), RATE)
    whole = to_pcm(pcm[: pcm.size // stream.window * stream.window]).reshape(-1, stream.window)
    return sum(stream.probability(window) > 0.5 for window in whole)


@pytest.mark.parametrize("room", ROOMS.values(), ids=ROOMS)
def test_the_agents_own_voice_does_not_pass(room: Room) -> None:
    played = agent()
    microphone = heard(room, played)
    result = gated(played, microphone)
    echo = sounding(room.echo(played), room.noise_dbfs + 8)
    assert np.mean(result.passed[echo]) < 0.03
    assert speech_windows(microphone) > 50 or room in FAINT, "without the gate it would be speech"
    assert speech_windows(result.pcm.astype(np.float64)) < 4


@pytest.mark.parametrize("over_echo_db", [0, 6, 12])
@pytest.mark.parametrize("at_s", [3.0, 4.3, 5.9])
@pytest.mark.parametrize("room", [ROOMS["loud"], ROOMS["few reflections"], ROOMS["small loudspeaker"]])
def test_a_caller_as_loud_as_the_echo_passes_within_100_ms(
    room: Room, at_s: float, over_echo_db: float
) -> None:
    played = agent()
    microphone = with_caller(room, played, at_s=at_s, over_echo_db=over_echo_db)
    words = voice(OTHERS[:1], seconds=1)
    onset = int(np.flatnonzero(sounding(words, level_of(words) - 15))[0])
    passed = gated(played, microphone).passed[round(at_s * RATE / FRAME) + onset :]
    assert passed[:6].any()
    assert np.mean(passed[:25]) > 0.7


def test_nothing_is_lost_with_headphones_once_the_agent_has_spoken_for_a_second() -> None:
    played = agent()
    words = np.concatenate((np.zeros(2 * RATE), voice(OTHERS, seconds=SECONDS - 2, dbfs=-30)))
    assert gated(played, words + Room().noise(words.size)).passed[100:].all()


def test_with_headphones_an_answer_right_after_a_greeting_of_a_second_loses_nothing() -> None:
    played = np.concatenate((np.zeros(LEAD), voice(SHIPPED, seconds=1), np.zeros(2 * RATE)))
    words = np.concatenate((np.zeros(LEAD + RATE + RATE // 10), voice(OTHERS, seconds=1.9, dbfs=-25)))
    assert gated(played, words + Room().noise(words.size)).passed.all()


def test_with_headphones_even_the_first_words_over_the_first_reply_lose_less_than_half_a_second() -> None:
    played = agent()
    words = np.concatenate((np.zeros(LEAD + FRAME), voice(OTHERS, seconds=4, dbfs=-25)))
    result = gated(played, words + Room().noise(words.size))
    assert np.count_nonzero(~result.passed) < 25


def test_who_speaks_when_the_agent_begins_is_heard_on() -> None:
    played = np.concatenate((np.zeros(RATE), voice(SHIPPED, seconds=2)))
    words = voice(OTHERS, seconds=3, dbfs=-25)
    assert sounding(words, -50)[53:73].all()
    assert gated(played, words + Room().noise(words.size)).passed[:73].all()


def test_while_nothing_is_played_every_frame_is_the_same_object_as_before() -> None:
    gate = EchoGate(RATE)
    frame = to_pcm(voice(OTHERS, seconds=0.02))
    assert all(gate.hear(frame, position) is frame for position in range(0, 100 * FRAME, FRAME))
    assert gate.gated == 0


def test_the_room_rings_on_after_the_last_word_and_that_does_not_pass_either() -> None:
    room = Room(decay_ms=500, echo_db=-6)
    played = np.concatenate((agent(5), np.zeros(2 * RATE)))
    result = gated(played, heard(room, played))
    assert speech_windows(result.pcm[4 * RATE :].astype(np.float64)) == 0


def test_after_the_reply_the_caller_is_heard_at_once() -> None:
    room = Room(decay_ms=300)
    played = np.concatenate((agent(5), np.zeros(3 * RATE)))
    microphone = with_caller(room, played, at_s=5.8, over_echo_db=0)
    assert gated(played, microphone).passed[round(5.8 * 50) + 3 : 330].all()


def test_a_device_whose_delay_changes_is_followed() -> None:
    played = agent(16)
    before, after = (heard(Room(delay_ms=delay), played) for delay in (120, 170))
    half = played.size // 2
    gate = EchoGate(RATE)
    result = gated(played, np.concatenate((before[:half], after[half:])), gate)
    assert gate.delay is not None
    assert gate.delay == pytest.approx(0.170 * RATE, abs=RATE // 500)
    assert speech_windows(result.pcm[12 * RATE :].astype(np.float64)) < 4


def test_clocks_that_drift_apart_do_no_harm() -> None:
    played = agent(16)
    microphone = heard(Room(), played)
    drifting = np.interp(np.arange(played.size) * 1.0001, np.arange(played.size), microphone)
    assert speech_windows(gated(played, drifting).pcm.astype(np.float64)) < 4


def test_headphones_that_are_pulled_out_are_noticed() -> None:
    played = agent(16)
    echo, half = heard(Room(), played), played.size // 2
    silent = Room().noise(half)
    passed = gated(played, np.concatenate((silent, echo[half:]))).passed[half // FRAME :]
    assert np.mean(passed[100:]) < 0.05


def test_what_is_put_in_the_place_of_echo_is_as_loud_as_the_room() -> None:
    room = Room(noise_dbfs=-55)
    played = agent()
    result = gated(played, heard(room, played))
    replaced = np.repeat(~result.passed, FRAME)
    late = slice(4 * RATE, None)
    assert rms_dbfs(result.pcm[late][replaced[late]]) == pytest.approx(-55, abs=4)


def test_dropped_frames_are_a_gap_and_no_shift() -> None:
    room, played = Room(), agent()
    microphone, sound = to_pcm(heard(room, played)), to_pcm(played)
    gate, passed = EchoGate(RATE), []
    for start in range(0, microphone.size - FRAME, FRAME):
        gate.play(sound[start : start + FRAME], start)
        if start % (40 * FRAME) != 0:
            frame = microphone[start : start + FRAME]
            passed.append(gate.hear(frame, start) is frame)
    assert np.mean(passed[150:]) < 0.5
    assert gate.delay == pytest.approx(0.120 * RATE, abs=RATE // 500)


@pytest.mark.parametrize("rate", [8000, 24_000])
def test_other_rates_are_gated_as_well(rate: int) -> None:
    room, played = Room(), agent()
    microphone = heard(room, played)
    factor = rate / RATE
    gate, passed, size = EchoGate(rate), [], rate // 50
    places = np.arange(0, played.size - 1, 1 / factor)
    sound, frames = (to_pcm(np.interp(places, np.arange(played.size), x)) for x in (played, microphone))
    for start in range(0, frames.size - size, size):
        gate.play(sound[start : start + size], start)
        frame = frames[start : start + size]
        passed.append(gate.hear(frame, start) is frame)
    echo = sounding(room.echo(played), -55)[: len(passed)]
    assert np.mean(np.array(passed)[echo]) < 0.05


def test_a_rate_that_nothing_has_is_refused() -> None:
    with pytest.raises(AudioError):
        EchoGate(100)


@settings(max_examples=30)
@given(
    st.lists(
        st.tuples(
            st.integers(-RATE, 3 * RATE), st.integers(0, RATE), st.integers(1, 60), st.integers(0, 32_767)
        ),
        max_size=12,
    )
)
def test_whatever_is_played_whenever_frames_keep_their_size_and_the_gate_its_count(
    steps: list[tuple[int, int, int, int]],
) -> None:
    gate, random = EchoGate(RATE), np.random.default_rng(0)
    position = replaced = 0
    for away, size, frames, loudness in steps:
        gate.play(random.integers(-loudness, loudness + 1, size).astype(np.int16), position + away)
        for _ in range(frames):
            frame = random.integers(-loudness, loudness + 1, FRAME).astype(np.int16)
            result = gate.hear(frame, position)
            replaced += result is not frame
            assert result.dtype == np.int16
            assert result.shape == (FRAME,)
            position += FRAME * int(random.integers(1, 3))
    assert gate.gated == replaced
