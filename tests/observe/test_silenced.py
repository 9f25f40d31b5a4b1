from __future__ import annotations

from pathlib import Path

from tests.support.happenings import Story
from tests.support.scenes import Microphone, Scene, ask
from voicepipe.audio.level import end_of_speech
from voicepipe.core.frames import Heard, PlaybackStopped
from voicepipe.core.records import StateChanged, TurnEnded
from voicepipe.core.units import MS, SECOND
from voicepipe.observe.silenced import Silences
from voicepipe.speech.policy import State
from voicepipe.transports.wav import OUTPUT_RATE

LONG = {"use": "sim", "replies": ["It will arrive on Friday before noon, and then we will see what comes."]}


def state(story: Story, at_ms: float, state: State) -> Story:
    return story.add(at_ms, StateChanged(at_ns=round(at_ms * MS), state=state))


def silent(story: Story, at_ms: float, turn: int = 1) -> Story:
    """Nothing more of the reply will be heard."""
    return story.add(at_ms, Heard(turn=turn, segment=None, samples=0, final=True, at_ns=round(at_ms * MS)))


def read(story: Story) -> list[float]:
    silences, found = Silences(), []
    for _, event in story.events:
        if isinstance(event, TurnEnded):
            found.append(silences.end(event))
        elif (part := silences.reads(type(event))) is not None:
            part(event)
    return [ns / MS for ns in found if ns is not None]


def speaking() -> Story:
    return Story().begin(1000).audible(1200)


def test_it_is_counted_from_the_onset_of_the_speech_to_the_end_of_the_sound() -> None:
    assert read(silent(speaking().speech(2000), 2350).end(2360, status="interrupted")) == [350]


def test_a_pause_that_comes_first_is_the_end_of_the_sound() -> None:
    story = state(speaking().speech(2000), 2200, State.PAUSED)
    story = state(silent(story, 2800), 2800, State.LISTENING)
    assert read(story.end(2800, status="interrupted")) == [200]


def test_a_pause_that_was_taken_back_is_none() -> None:
    story = state(speaking().speech(2000, position=5), 2200, State.PAUSED).ignored(2500, position=5)
    story = state(story, 2500, State.SPEAKING).speech(3000, position=9)
    assert read(silent(story, 3400).end(3400, status="interrupted")) == [400]


def test_of_several_attempts_the_first_that_was_not_ignored_counts() -> None:
    story = speaking().speech(2000, position=5).speech(2300, position=9)
    assert read(silent(story, 2700).end(2700, status="interrupted")) == [700]


def test_what_was_silent_before_the_speech_was_not_silenced() -> None:
    story = speaking().add(1800, PlaybackStopped(turn=1, at_ns=1800 * MS)).speech(2000)
    assert read(silent(story, 2100).end(2100, status="interrupted")) == []


def test_what_speaks_on_after_a_gap_can_be_silenced() -> None:
    story = speaking().add(1800, PlaybackStopped(turn=1, at_ns=1800 * MS)).audible(1900).speech(2000)
    assert read(silent(story, 2100).end(2100, status="interrupted")) == [100]


def test_a_reply_that_was_not_interrupted_by_speech_has_none() -> None:
    assert read(silent(speaking(), 2100).end(2100, status="interrupted")) == []
    assert read(silent(speaking().speech(2000), 2100).end(2100)) == []
    assert read(speaking().speech(2000).end(2100, turn=2, status="interrupted")) == []


def test_each_reply_is_counted_by_itself() -> None:
    story = silent(speaking().speech(2000), 2300).end(2300, status="interrupted")
    story.begin(4000, turn=2).audible(4200, turn=2)
    assert read(silent(story, 5000, turn=2).end(5000, turn=2, status="interrupted")) == [300]


def test_in_a_whole_call_it_is_when_the_loudspeaker_fell_silent(tmp_path: Path) -> None:
    scene = Scene(tmp_path, Microphone(ask(), 2.2, ask("No wait please stop"), 4.0), llm=LONG)
    onset_ns = 3800 * MS
    heard = scene.played[: 5 * SECOND * OUTPUT_RATE // SECOND]
    last = end_of_speech(heard, OUTPUT_RATE, -50.0)
    assert last is not None
    turn = scene.report.turns[0]
    assert turn.silenced_ns == 200 * MS
    assert abs(last * SECOND / OUTPUT_RATE - onset_ns - turn.silenced_ns) <= 20 * MS
    assert scene.report.turns[1].silenced_ns is None
    assert scene.report.to_dict()["turns"][0]["silenced_ms"] == turn.silenced_ns / MS
