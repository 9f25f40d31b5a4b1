from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicepipe.audio.wav import read_wav
from voicepipe.core.clock import Clock, run_on
from voicepipe.core.frames import AudioIn, PlaybackStarted, Talk, TypedText
from voicepipe.core.records import TurnEnded
from voicepipe.core.units import MS, SECOND
from voicepipe.transports.conversation import (
    ConversationCall,
    ConversationCaller,
    Item,
    Look,
    Moment,
    Pause,
    Utterance,
)
from voicepipe.transports.wav import OUTPUT_RATE, Clip, Typed

RATE = 16_000
HELLO = Clip("hello", np.full(RATE, 8000, np.int16), RATE, {0: "hello", 25: "there"})


@dataclass
class FakeLine:
    """A call whose agent speaks at given times (from, to, in ms), whatever is said."""

    clock: Clock
    replies: Sequence[tuple[int, int]] = ()
    records: list[Any] = field(default_factory=list)

    def record(self, record: Any) -> None:
        self.records.append(record)

    @property
    def idle_since(self) -> int | None:
        now, since = self.clock.now(), 0
        for begin, end in self.replies:
            if begin * MS - 200 * MS <= now < end * MS:
                return None
            if end * MS <= now:
                since = end * MS
        return since

    def tell(self, observer: Callable[[int, Any], None]) -> None:
        for turn, (begin, end) in enumerate(self.replies, start=1):
            self.clock.call_at(
                begin * MS, self._telling(observer, PlaybackStarted(turn=turn, at_ns=begin * MS))
            )
            ended = TurnEnded(at_ns=end * MS, turn=turn, status="completed", said="", heard="")
            self.clock.call_at(end * MS, self._telling(observer, ended))

    def _telling(self, observer: Callable[[int, Any], None], event: Any) -> Callable[[], None]:
        return lambda: observer(event.at_ns, event)


@dataclass
class Sent:
    """Everything that a caller sent."""

    frames: list[AudioIn] = field(default_factory=list)
    typed: list[TypedText] = field(default_factory=list)
    keys: list[Talk] = field(default_factory=list)

    async def send(self, frame: Any) -> None:
        if isinstance(frame, Talk):
            self.keys.append(frame)
        else:
            (self.typed if isinstance(frame, TypedText) else self.frames).append(frame)

    def onsets_ms(self) -> list[float]:
        """When the caller began to be loud, by the samples."""
        pcm = np.concatenate([frame.pcm for frame in self.frames])
        loud = np.concatenate(([False], pcm != 0))
        return [int(at) * 1000 / RATE for at in np.flatnonzero(loud[1:] & ~loud[:-1])]


def hold(script: Sequence[Item], replies: Sequence[tuple[int, int]] = ()) -> tuple[Sent, list[Moment], int]:
    """What was sent, when the steps were, and how long it took in ms."""

    async def main() -> tuple[Sent, list[Moment], int]:
        clock, sent = Clock(), Sent()
        line = FakeLine(clock, replies)
        caller = ConversationCaller(script, rate=RATE)
        line.tell(caller)
        await caller.run(sent, line)  # type: ignore[arg-type]  # an outlet that keeps what is sent
        return sent, caller.moments, clock.now() // MS

    return run_on("simulated", main())


def test_what_is_said_after_the_reply_begins_half_a_second_after_its_end() -> None:
    sent, moments, _ = hold([Utterance(HELLO), Utterance(HELLO)], [(2200, 4000)])
    assert sent.onsets_ms() == [500, 4500]
    assert [moment.onset_ns for moment in moments] == [500 * MS, 4500 * MS]


def test_a_step_after_a_pause_begins_at_once_whatever_the_agent_does() -> None:
    sent, moments, _ = hold([Utterance(HELLO), Pause(1000 * MS), Look(), Utterance(HELLO)], [(1800, 9000)])
    first, second = sent.onsets_ms()
    assert (first, second) == (500, moments[1].began_ns / MS + 1000)  # type: ignore[operator]
    assert moments[2].began_ns == moments[3].began_ns, "a look takes no time"


def test_a_look_that_follows_no_pause_has_no_time_of_its_own() -> None:
    _, moments, _ = hold([Utterance(HELLO), Look()])
    assert moments[1].began_ns is None


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 3000), st.integers(1700, 2100))
def test_a_caller_speaks_into_the_reply_to_the_sample(into_ms: int, reply_ms: int) -> None:
    script = [Utterance(HELLO), Utterance(HELLO, into_ms * MS)]
    sent, moments, _ = hold(script, [(reply_ms, reply_ms + 4000)])
    onset = sent.onsets_ms()[1]
    # What is heard in this very frame can only be answered in the next one.
    assert onset == pytest.approx(reply_ms + into_ms, abs=0.001 if into_ms >= 20 else 20)
    assert moments[1].began_ns == onset * MS


def test_a_caller_holds_the_key_to_talk_while_they_speak() -> None:
    script = [Utterance(HELLO), Utterance(HELLO, 1200 * MS), Utterance(Typed("Bye"))]
    sent, moments, _ = hold(script, [(2000, 6000)])
    pressed = [frame.at_ns for frame in sent.keys if frame.pressed]
    released = [frame.at_ns for frame in sent.keys if not frame.pressed]
    assert len(pressed) == len(released) == 2
    for moment, press, release in zip(moments, pressed, released, strict=False):
        assert moment.onset_ns is not None
        assert 0 <= moment.onset_ns - press < 20 * MS
        assert 0 <= release - moment.onset_ns - len(HELLO.pcm) * SECOND // RATE < 20 * MS


def test_what_is_typed_into_the_reply_comes_within_a_frame() -> None:
    sent, moments, _ = hold([Utterance(Typed("Hi")), Utterance(Typed("Stop"), 700 * MS)], [(1000, 9000)])
    hi, stop = sent.typed
    assert (hi.text, stop.text) == ("Hi", "Stop")
    assert 1700 * MS - 20 * MS <= stop.at_ns <= 1700 * MS
    assert moments[1].onset_ns == stop.at_ns


@pytest.mark.parametrize(
    ("replies", "why"), [([(2000, 2400)], "its reply lasted 400 ms"), ([], "it said nothing")]
)
def test_a_reply_that_is_too_short_to_be_spoken_into_ends_the_call(
    replies: list[tuple[int, int]], why: str
) -> None:
    script = [Utterance(HELLO), Utterance(HELLO, 1200 * MS), Utterance(HELLO)]
    sent, moments, _ = hold(script, replies)
    assert [moment.missed for moment in moments] == [None, why, None]
    assert len(sent.onsets_ms()) == 1
    assert moments[2] == Moment()


def test_the_caller_listens_to_the_end_of_the_last_reply() -> None:
    assert hold([Utterance(HELLO)], [(2200, 9000)])[2] == 9500


def test_words_go_into_the_frames_in_which_they_are_said_and_nothing_into_silence() -> None:
    sent, _, _ = hold([Utterance(HELLO)])
    captions = [frame.caption for frame in sent.frames]
    assert captions[25:75] == ["hello", *[""] * 24, "there", *[""] * 24]
    assert set(captions[:25] + captions[75:]) == {None}


def test_frames_follow_each_other_without_a_gap_in_real_time() -> None:
    sent, _, took_ms = hold([Utterance(HELLO), Pause(30 * MS), Utterance(HELLO, 333 * MS)], [(1900, 3000)])
    assert [frame.position for frame in sent.frames] == [n * 320 for n in range(len(sent.frames))]
    assert took_ms == len(sent.frames) * 20


def test_what_the_loudspeaker_played_lies_on_the_time_line_of_the_session() -> None:
    async def main() -> None:
        clock = Clock()
        call = ConversationCall(clock, [], rate=RATE)
        await clock.sleep(SECOND)
        await call.output.write(np.full(OUTPUT_RATE // 50, 100, np.int16))
        await clock.sleep(SECOND)
        played = call.played(clock.now())
        assert np.flatnonzero(played).tolist() == list(range(OUTPUT_RATE, OUTPUT_RATE + OUTPUT_RATE // 50))
        call.close()

    run_on("simulated", main())


def test_a_reply_that_stops_for_a_while_is_still_counted_from_its_first_sound() -> None:
    caller = ConversationCaller([], rate=RATE)
    for at_ns in (1000 * MS, 2000 * MS):
        caller(at_ns, PlaybackStarted(turn=1, at_ns=at_ns))
    assert caller._speaking == (1, 1000 * MS)


def test_what_may_be_said_after_a_reply_that_was_too_short_is_not_missed() -> None:
    script = [Utterance(HELLO), Utterance(HELLO, 1500 * MS, or_after=True)]
    sent, moments, _ = hold(script, [(1900, 2900)])
    assert moments[1].missed is None
    assert sent.onsets_ms() == [500, 3400], "half a second after the reply, as any other"


def test_a_call_that_is_recorded_leaves_both_sides_in_one_file(tmp_path: Path) -> None:
    async def hold() -> None:
        clock = Clock()
        call = ConversationCall(clock, [Utterance(HELLO)], rate=RATE, recording=tmp_path / "call.wav")
        await call.output.write(np.full(OUTPUT_RATE // 50, 5000, np.int16))
        await call.caller.run(Sent(), FakeLine(clock))  # type: ignore[arg-type]
        call.close()

    run_on("simulated", hold())
    caller, agent = (read_wav(tmp_path / "call.wav", channel=channel).pcm for channel in (0, 1))
    assert np.abs(caller[: OUTPUT_RATE // 5]).max() == 0
    assert np.abs(caller).max() > 7000
    assert np.flatnonzero(agent).tolist() == list(range(OUTPUT_RATE // 50))


def test_somebody_is_told_of_each_utterance_before_it_is_sent() -> None:
    sent = Sent()
    told: list[tuple[int, int]] = []

    async def main() -> None:
        script = [Utterance(HELLO), Look(), Pause(100 * MS), Utterance(Typed("Bye"))]
        line = FakeLine(Clock())
        caller = ConversationCaller(
            script,
            rate=RATE,
            before=lambda number: told.append((number, sum(bool(f.pcm.any()) for f in sent.frames))),
        )
        await caller.run(sent, line)  # type: ignore[arg-type]  # an outlet that keeps what is sent

    run_on("simulated", main())
    assert told == [(0, 0), (1, 50)]


def test_what_was_played_is_known_of_a_recorded_call_too(tmp_path: Path) -> None:
    async def main() -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        played = []
        for path in (None, tmp_path / "call.wav"):
            clock = Clock()
            ends = ConversationCall(clock, [Utterance(HELLO)], rate=RATE, recording=path)
            await ends.output.write(np.full(480, 900, np.int16))
            await ends.caller.run(Sent(), FakeLine(clock))  # type: ignore[arg-type]
            ends.close()
            played.append(ends.played(clock.now())[:OUTPUT_RATE])
        return played[0], played[1]

    plain, recorded = run_on("simulated", main())
    assert np.count_nonzero(plain) == 480
    assert np.array_equal(plain, recorded)
