"""The latencies that a recording tells by itself, and that they are those of the timelines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.support.tones import tone
from voicepipe import Pipeline
from voicepipe.api import RATE, Call
from voicepipe.audio.wav import read_wav
from voicepipe.core.clock import Clock, ClockName, run_on
from voicepipe.core.frames import Pcm
from voicepipe.core.units import MS, SECOND
from voicepipe.observe.in_recording import Latency, latencies_in, match
from voicepipe.observe.timeline import Mark, TurnTimeline
from voicepipe.transports.conversation import ConversationCall, Item, Pause, Utterance
from voicepipe.transports.wav import Typed, load_clip

PIPELINES = Path(__file__).parents[2] / "pipelines"
WITHIN = 20 * MS


def track(rate: int, *sounds: tuple[int, int, float], of_ms: int = 6000) -> Pcm:
    """Silence of ``of_ms`` with tones in it: from which millisecond to which, how loud their peak is."""
    pcm: Pcm = np.zeros(of_ms * rate // 1000, np.int16)
    for begin, end, peak in sounds:
        first, last = begin * rate // 1000, end * rate // 1000
        sound = tone(440, rate, (end - begin) / 1000 + 0.01, peak=peak)
        pcm[first:last] = sound[: last - first]
    return pcm


def ms(found: Sequence[Latency]) -> list[tuple[int, int]]:
    return [(one.end_of_speech // MS, one.first_audio // MS) for one in found]


def turn(start_ms: int, total_ms: int, *, spoken: bool = True) -> TurnTimeline:
    marks = (Mark("playout", (start_ms + total_ms) * MS),)
    return TurnTimeline(turn=1, start_ns=start_ms * MS, spoken=spoken, estimated=False, marks=marks)


# ── what is heard ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("rate", [8000, 16_000, 22_050, 24_000, 44_100])
def test_an_answer_is_counted_from_the_end_of_the_speech_to_its_first_sound(rate: int) -> None:
    caller = track(rate, (500, 1500, 8000), (3000, 3700, 8000))
    agent = track(rate, (2000, 2600, 8000), (4111, 5000, 8000))
    found = latencies_in(caller, agent, rate)
    for (end, first), (true_end, true_first) in zip(ms(found), [(1500, 2000), (3700, 4111)], strict=True):
        assert abs(end - true_end) <= 1
        assert abs(first - true_first) <= 1


def test_what_is_said_before_the_caller_spoke_answers_nothing() -> None:
    caller = track(8000, (2000, 3000, 8000))
    assert ms(latencies_in(caller, track(8000, (100, 1000, 8000), (3400, 4000, 8000)), 8000)) == [
        (3000, 3400)
    ]


def test_a_pause_of_the_caller_isnt_the_end_of_the_speech() -> None:
    caller = track(8000, (500, 1500, 8000), (2500, 3000, 8000))
    assert ms(latencies_in(caller, track(8000, (3500, 4000, 8000)), 8000)) == [(3000, 3500)]


def test_each_sentence_of_an_answer_isnt_an_answer() -> None:
    agent = track(8000, (1800, 2200, 8000), (2400, 3000, 8000), (4500, 5000, 8000))
    assert ms(latencies_in(track(8000, (500, 1500, 8000)), agent, 8000)) == [(1500, 1800)]


def test_who_is_interrupted_answers_the_interruption() -> None:
    caller = track(8000, (500, 1000, 8000), (2400, 3200, 8000))
    agent = track(8000, (1500, 2600, 8000), (3700, 4500, 8000))
    assert ms(latencies_in(caller, agent, 8000)) == [(1000, 1500), (3200, 3700)]


def test_what_the_caller_says_after_an_answer_has_begun_is_left_to_the_next_one() -> None:
    caller = track(8000, (500, 1000, 8000), (1600, 1800, 8000))
    assert ms(latencies_in(caller, track(8000, (1500, 3000, 8000)), 8000)) == [(1000, 1500)]


def test_breathing_and_hum_below_the_definitions_levels_are_silence() -> None:
    caller = track(8000, (500, 1500, 8000), (1500, 5000, 700))  # -36 dBFS
    agent = track(8000, (100, 1800, 140), (1800, 2500, 8000))  # -50.4 dBFS, to a frame's end
    assert ms(latencies_in(caller, agent, 8000)) == [(1500, 1800)]


@pytest.mark.parametrize("samples", [0, 1, 100, 8000])
def test_where_nothing_is_heard_nothing_is_found(samples: int) -> None:
    assert latencies_in(np.zeros(samples, np.int16), np.zeros(samples, np.int16), 8000) == []
    loud: Pcm = np.full(samples, 20_000, np.int16)
    assert latencies_in(loud, np.zeros(samples, np.int16), 8000) == []
    assert latencies_in(np.zeros(samples, np.int16), loud, 8000) == []


# ── which turn it is of ──────────────────────────────────────────────────────────────────────────


def test_each_turn_gets_the_answer_that_is_heard_where_it_began_to_be() -> None:
    one, other = Latency(1000 * MS, 1500 * MS), Latency(5000 * MS, 5400 * MS)
    turns = [turn(1010, 500), turn(3000, 0, spoken=False), turn(5010, 400)]
    assert match([one, other], turns) == [one, None, other]


def test_a_turn_of_which_the_recording_knows_nothing_gets_nothing() -> None:
    far = Latency(1000 * MS, 1500 * MS)
    unheard = replace(turn(1000, 500), marks=(Mark("stt", 1500 * MS),))
    assert match([far], [turn(8000, 500), unheard]) == [None, None]
    assert match([], [turn(1000, 500)]) == [None]


# ── both ways to the same figure ─────────────────────────────────────────────────────────────────


def clip(name: str, **into: int) -> Utterance:
    return Utterance(load_clip(PIPELINES / f"{name}.wav", RATE), or_after=True, **into)


QUESTIONS = [
    clip("questions/1_what_time_is_it"),
    clip("questions/2_what_is_the_weather_in_paris"),
    clip("questions/3_set_a_timer_for_ten_minutes"),
    clip("questions/5_thank_you"),
]
INTERRUPTIONS = [
    clip("scenes/1_what_is_your_name"),
    clip("scenes/2_uh_huh", into_ns=1500 * MS),
    clip("questions/4_turn_on_the_kitchen_lights", into_ns=4 * SECOND),
    Utterance(Typed("what time is it")),
    clip("questions/2_what_is_the_weather_in_paris"),
    clip("questions/5_thank_you", into_ns=700 * MS),
    Pause(SECOND),
]


def differences(
    file: str, steps: Sequence[Item], clock: ClockName, folder: Path, **overrides: str
) -> list[int]:
    """Of each spoken turn of a call: what the recording tells less what the timeline does, in ns."""
    calls: list[Call] = []

    def ends(on: Clock) -> ConversationCall:
        made = ConversationCall(on, steps, rate=RATE, recording=folder / "call.wav")
        calls[0].observe(made.caller)
        return made

    changes = {f"stages.{slot}": use for slot, use in overrides.items()}
    pipeline = Pipeline.from_yaml(PIPELINES / file, set={**changes, "agent.greeting": "Hello there."})
    report = run_on(clock, pipeline.hold(ends, on_call=calls.append))
    caller, agent = (read_wav(folder / "call.wav", channel=channel) for channel in (0, 1))
    turns = [one.timeline for one in report.turns if one.timeline is not None and one.timeline.spoken]
    assert not any(one.estimated for one in turns)
    found = match(latencies_in(caller.pcm, agent.pcm, caller.rate), turns)
    assert None not in found
    return [one.duration_ns - timeline.total_ns for one, timeline in zip(found, turns, strict=True) if one]


@pytest.mark.parametrize("steps", [QUESTIONS, INTERRUPTIONS], ids=["questions", "interruptions"])
def test_real_engines_are_measured_alike_by_the_recording_and_by_the_records(
    steps: Sequence[Item], tmp_path: Path
) -> None:
    found = differences("quickstart.yaml", steps, "charged", tmp_path)
    assert len(found) >= 4
    assert max(map(abs, found)) <= WITHIN


@pytest.mark.parametrize("tts", ["sim", "espeak"])
@pytest.mark.parametrize(
    ("steps", "turns"), [(QUESTIONS, 4), (INTERRUPTIONS, 5)], ids=["questions", "interruptions"]
)
def test_simulated_ones_are_as_well(steps: Sequence[Item], turns: int, tts: str, tmp_path: Path) -> None:
    found = differences("sim.yaml", steps, "simulated", tmp_path, tts=tts)
    assert len(found) == turns
    assert max(map(abs, found)) <= WITHIN
