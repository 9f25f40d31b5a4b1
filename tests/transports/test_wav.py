from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.tones import tone
from voicepipe.audio.wav import write_wav
from voicepipe.core.clock import Clock, run_on
from voicepipe.core.frames import AudioIn, Pcm, Talk, TypedText
from voicepipe.core.inbox import Inbox, Outlet
from voicepipe.core.records import ClipEnded, Record
from voicepipe.core.turns import Turns
from voicepipe.core.units import MS, SECOND
from voicepipe.errors import AudioError
from voicepipe.transports.wav import LEAD_IN, SETTLE, Clip, ScriptedCaller, Typed, load_clip

RATE = 16_000
FRAME_NS = 20 * MS


def clip(seconds: float = 1.0, silence: float = 0.0, name: str = "a.wav") -> Clip:
    spoken = tone(300, RATE, seconds, peak=8000)
    pcm: Pcm = np.concatenate((spoken, np.zeros(round(silence * RATE), np.int16)))
    return Clip(name, pcm, end_of_speech=spoken.size)


class Heard:
    """A call of which the caller sees no more than that the agent is busy now and then, from … to … ns."""

    def __init__(self, *busy: tuple[int, int]) -> None:
        self.clock = Clock()
        self.frames: list[tuple[int, Any]] = []
        """What the caller sent, and when."""
        self.records: list[Record] = []
        self._busy = busy
        inbox: Inbox[Any] = Inbox("vad", Turns(), capacity=10**9)
        inbox.attach("in", lambda frame: self.frames.append((self.clock.now(), frame)))
        kinds = (AudioIn, Talk, TypedText)
        self._out: Outlet[Any] = Outlet("in", dict.fromkeys(kinds, (inbox,)), live=False)

    @property
    def idle_since(self) -> int | None:
        now = self.clock.now()
        if any(start <= now < end for start, end in self._busy):
            return None
        return max((end for _, end in self._busy if end <= now), default=0)

    def record(self, record: Record) -> None:
        self.records.append(record)

    async def hold(self, script: Sequence[Clip | Typed], **options: Any) -> None:
        await ScriptedCaller(script, rate=RATE, **options).run(self._out, self)

    @property
    def audio(self) -> list[tuple[int, AudioIn]]:
        return [(at, frame) for at, frame in self.frames if isinstance(frame, AudioIn)]

    def spoken(self) -> list[int]:
        """When (ns) each clip began."""
        loud = np.flatnonzero(np.concatenate([frame.pcm for _, frame in self.audio]))
        starts = loud[np.flatnonzero(np.diff(loud, prepend=-RATE) > RATE // 10)]
        return [int(start) // 320 * FRAME_NS for start in starts]


def held(script: Sequence[Clip | Typed], *busy: tuple[int, int], **options: Any) -> Heard:
    async def main() -> Heard:
        call = Heard(*busy)
        await call.hold(script, **options)
        return call

    return run_on("simulated", main())


# ── pace ─────────────────────────────────────────────────────────────────────────────────────────


def test_each_frame_leaves_when_its_last_sample_has_been_spoken() -> None:
    call = held([clip(0.105)])
    assert [frame.position for _, frame in call.audio] == [320 * n for n in range(len(call.audio))]
    assert {(frame.pcm.size, frame.rate) for _, frame in call.audio} == {(320, RATE)}
    assert [at for at, _ in call.audio] == [FRAME_NS * (n + 1) for n in range(len(call.audio))]


def test_the_line_is_silent_before_the_first_word() -> None:
    assert held([clip()], gap_ns=0).spoken() == [LEAD_IN]
    assert held([clip()], gap_ns=500 * MS).spoken() == [500 * MS]


def test_a_clip_goes_out_sample_by_sample_and_silence_fills_its_last_frame() -> None:
    spoken = clip(0.105)
    call = held([spoken], gap_ns=0)
    sent = np.concatenate([frame.pcm for _, frame in call.audio])
    start = LEAD_IN * RATE // SECOND
    np.testing.assert_array_equal(sent[start : start + spoken.pcm.size], spoken.pcm)
    assert not sent[start + spoken.pcm.size :].any()


def test_the_clock_may_have_been_running_before_the_call() -> None:
    async def main() -> Heard:
        call = Heard()
        await call.clock.sleep(1_234_567_890)
        await call.hold([clip()], gap_ns=0)
        return call

    call = run_on("simulated", main())
    assert call.audio[0][0] == 1_234_567_890 + FRAME_NS
    (ended,) = call.records
    assert isinstance(ended, ClipEnded)
    assert ended.end_of_speech_ns == 1_234_567_890 + LEAD_IN + SECOND


# ── taking turns ─────────────────────────────────────────────────────────────────────────────────

REPLY = (LEAD_IN + 1300 * MS, LEAD_IN + 4000 * MS)
"""While a reply to a clip of one second is due or spoken."""


@pytest.mark.parametrize("gap_ns", [0, 100 * MS, 200 * MS])
def test_the_next_clip_comes_a_gap_after_the_end_of_the_reply(gap_ns: int) -> None:
    call = held([clip(), clip()], REPLY, gap_ns=gap_ns)
    _, second = call.spoken()
    assert REPLY[1] + gap_ns <= second < REPLY[1] + gap_ns + FRAME_NS


def test_nobody_who_answers_is_given_time_to_notice() -> None:
    _, second = held([clip(), clip()], gap_ns=0).spoken()
    assert second == LEAD_IN + SECOND + SETTLE


def test_the_caller_waits_for_the_end_of_the_greeting() -> None:
    (first,) = held([clip()], (0, 2 * SECOND), gap_ns=500 * MS).spoken()
    assert first == 2500 * MS


def test_the_caller_leaves_a_gap_after_the_last_reply() -> None:
    call = held([clip()], REPLY, gap_ns=200 * MS)
    assert call.frames[-1][0] == REPLY[1] + 200 * MS


def test_typed_lines_take_turns_with_clips_while_the_line_stays_open() -> None:
    call = held([Typed("hello"), clip()], (0, 3 * SECOND), (3520 * MS, 4 * SECOND), gap_ns=500 * MS)
    (typed,) = [frame for _, frame in call.frames if isinstance(frame, TypedText)]
    assert (typed.text, typed.at_ns) == ("hello", 3500 * MS)
    assert call.spoken() == [4500 * MS]
    assert [at for at, _ in call.audio] == [FRAME_NS * (n + 1) for n in range(len(call.audio))]


def test_the_end_of_speech_is_recorded_when_it_is_over_not_at_the_end_of_the_clip() -> None:
    call = held([clip(silence=2.0, name="a.wav"), clip(name="b.wav")], (1600 * MS, 3500 * MS), gap_ns=0)
    first, second = call.records
    assert isinstance(first, ClipEnded)
    assert first == ClipEnded(at_ns=LEAD_IN + SECOND, clip="a.wav", end_of_speech_ns=LEAD_IN + SECOND)
    assert isinstance(second, ClipEnded)
    assert second.clip == "b.wav"
    assert second.end_of_speech_ns == call.spoken()[1] + SECOND


def test_the_end_of_speech_is_told_to_the_sample() -> None:
    (ended,) = held([clip(1.005, silence=1.0)], gap_ns=0).records
    assert isinstance(ended, ClipEnded)
    assert ended.end_of_speech_ns == LEAD_IN + 1005 * MS
    assert 0 <= ended.at_ns - ended.end_of_speech_ns < FRAME_NS


def test_the_key_to_talk_is_held_while_there_is_speech() -> None:
    call = held([clip(silence=2.0), clip(1.005)], (1600 * MS, 3500 * MS), gap_ns=0)
    keys = [(at, frame.pressed) for at, frame in call.frames if isinstance(frame, Talk)]
    first, second = call.spoken()
    assert keys == [
        (first, True),
        (first + SECOND, False),
        (second, True),
        (second + 51 * FRAME_NS, False),
    ]
    assert all(frame.at_ns == at for at, frame in call.frames if isinstance(frame, Talk))


def test_nobody_presses_a_key_to_type() -> None:
    assert not [frame for _, frame in held([Typed("hello")]).frames if isinstance(frame, Talk)]


# ── files ────────────────────────────────────────────────────────────────────────────────────────


def test_a_file_is_brought_to_the_rate_of_the_call_and_its_end_of_speech_found(tmp_path: Path) -> None:
    pcm = np.concatenate((tone(300, 44_100, 1.0, peak=8000), np.zeros(44_100, np.int16)))
    write_wav(tmp_path / "question.wav", pcm, 44_100)
    loaded = load_clip(tmp_path / "question.wav", RATE)
    assert (loaded.name, loaded.pcm.size) == ("question.wav", 2 * RATE)
    assert loaded.end_of_speech == pytest.approx(RATE, abs=RATE // 50)


def test_a_file_of_zeros_is_no_clip(tmp_path: Path) -> None:
    write_wav(tmp_path / "zeros.wav", np.zeros(RATE, np.int16), RATE)
    with pytest.raises(AudioError, match=r"zeros\.wav is silent: 1\.0 s of zeros"):
        load_clip(tmp_path / "zeros.wav", RATE)


def test_a_file_that_is_too_quiet_for_speech_ends_where_it_ends(tmp_path: Path) -> None:
    write_wav(tmp_path / "quiet.wav", tone(300, RATE, 0.5, peak=100), RATE)
    assert load_clip(tmp_path / "quiet.wav", RATE).end_of_speech == RATE // 2
