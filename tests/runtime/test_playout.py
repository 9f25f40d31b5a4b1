from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.speaker import FakeSpeaker
from tests.support.stages import settle
from tests.support.tones import tone
from voicepipe.audio.level import rms_dbfs
from voicepipe.core.clock import Clock, run_on
from voicepipe.core.frames import (
    AudioOut,
    EndOfAudio,
    Gain,
    Heard,
    Interrupt,
    Pcm,
    PlaybackStarted,
    Segment,
)
from voicepipe.core.inbox import Inbox, Outlet
from voicepipe.core.turns import Turns
from voicepipe.core.units import MS, SECOND
from voicepipe.runtime.playout import CAPACITY, Playout


class Line:
    """A playout with a loudspeaker that knows the truth."""

    def __init__(self, *, rate: int = 16_000, latency: int = 0) -> None:
        self.clock = Clock()
        self.turns = Turns()
        self.speaker = FakeSpeaker(self.clock, rate=rate, latency=latency)
        self.reports: list[Any] = []
        self.inbox: Inbox[Any] = Inbox("output", self.turns, capacity=CAPACITY)
        self.out: Outlet[Any] = Outlet(
            "tts", dict.fromkeys((AudioOut, EndOfAudio), (self.inbox,)), live=False
        )
        self.playout = Playout(self.speaker, clock=self.clock, turns=self.turns, report=self.reports.append)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:
            group.create_task(self.playout.run(self.inbox))
            try:
                yield
            finally:
                self.out.close()

    def live_turn(self) -> int:
        self.turns.prepare()
        return self.turns.commit()

    async def speak(self, turn: int, seconds: float, *, index: int = 0, rate: int = 24_000) -> Segment:
        """Send a segment that sounds for ``seconds``, as the tts stage does."""
        segment = Segment(turn=turn, index=index, text="words", rate=rate)
        await self.play(segment, tone(440, rate, seconds))
        return segment

    async def play(self, segment: Segment, pcm: Pcm) -> None:
        size = segment.rate // 50
        for start in range(0, len(pcm), size):
            if start + size >= len(pcm):
                segment.samples = len(pcm)
            await self.out.send(AudioOut(turn=segment.turn, segment=segment, pcm=pcm[start : start + size]))

    async def end(self, turn: int) -> None:
        await self.out.send(EndOfAudio(turn=turn))

    def interrupt(self, turn: int) -> None:
        self.turns.interrupt()
        self.inbox.send_control(Interrupt(turn=turn))

    def heard(self, turn: int = 1) -> dict[int, int]:
        """The last word on each segment of ``turn``."""
        return {
            report.segment.index: report.samples
            for report in self.reports
            if isinstance(report, Heard) and report.turn == turn and report.segment is not None
        }

    def finals(self) -> list[int]:
        return [report.turn for report in self.reports if isinstance(report, Heard) and report.final]


# ── a reply that is played to its end ────────────────────────────────────────────────────────────


def test_a_reply_is_heard_whole_and_told_once_it_has_left_the_loudspeaker() -> None:
    async def main() -> None:
        line = Line(latency=40 * MS)
        async with line.running():
            turn = line.live_turn()
            await line.speak(turn, 1.0)
            await line.end(turn)
            await line.clock.sleep_until(1030 * MS)
            assert line.finals() == []
            await line.clock.sleep_until(1060 * MS)
            assert line.finals() == [turn]
            assert line.heard() == {0: 24_000}
            assert line.speaker.pending() == 0

    run_on("simulated", main())


@pytest.mark.parametrize("voice", [8_000, 16_000, 22_050, 24_000])
@pytest.mark.parametrize("device", [8_000, 16_000, 48_000])
def test_all_of_the_audio_is_played_at_the_loudspeakers_rate(voice: int, device: int) -> None:
    async def main() -> None:
        line = Line(rate=device)
        async with line.running():
            turn = line.live_turn()
            await line.speak(turn, 0.5, rate=voice)
            await line.end(turn)
            await line.clock.sleep(SECOND)
        assert len(line.speaker.played()) == pytest.approx(device / 2, abs=device * 0.003)
        assert rms_dbfs(line.speaker.played()) == pytest.approx(rms_dbfs(tone(440, 16_000)), abs=0.2)
        assert line.heard() == {0: voice // 2}

    run_on("simulated", main())


def test_segments_are_told_one_by_one_as_they_end() -> None:
    async def main() -> None:
        line = Line()
        async with line.running():
            turn = line.live_turn()
            for index in range(3):
                await line.speak(turn, 0.5, index=index)
            await line.clock.sleep_until(1010 * MS)
            assert set(line.heard()) >= {0}
            assert line.finals() == []
            await line.end(turn)
            await line.clock.sleep(2 * SECOND)
        assert line.heard() == {0: 12_000, 1: 12_000, 2: 12_000}
        assert line.finals() == [turn]

    run_on("simulated", main())


def test_a_segment_at_another_rate_loses_nothing_of_the_one_before() -> None:
    async def main() -> None:
        line = Line()
        async with line.running():
            turn = line.live_turn()
            await line.speak(turn, 0.5, index=0, rate=24_000)
            await line.speak(turn, 0.5, index=1, rate=8_000)
            await line.end(turn)
            await line.clock.sleep(2 * SECOND)
        assert len(line.speaker.played()) == pytest.approx(16_000, abs=80)
        assert line.heard() == {0: 12_000, 1: 4_000}

    run_on("simulated", main())


def test_a_reply_without_audio_is_over_at_once() -> None:
    async def main() -> None:
        line = Line()
        async with line.running():
            await line.end(line.live_turn())
            await settle()
            assert line.finals() == [1]
            assert line.heard() == {}
            assert not any(isinstance(report, PlaybackStarted) for report in line.reports)

    run_on("simulated", main())


def test_a_reply_without_audio_after_one_with_audio_waits_for_nobody() -> None:
    async def main() -> None:
        line = Line()
        async with line.running():
            first = line.live_turn()
            await line.speak(first, 0.1)
            await line.end(first)
            await line.clock.sleep(SECOND)
            second = line.live_turn()
            await line.end(second)
            await settle()
            assert line.finals() == [first, second]
            assert line.heard(second) == {}

    run_on("simulated", main())


def test_replies_follow_each_other_with_their_own_counts() -> None:
    async def main() -> None:
        line = Line(rate=8_000)
        async with line.running():
            for turn in (1, 2, 3):
                assert line.live_turn() == turn
                await line.speak(turn, 0.3 * turn)
                await line.end(turn)
                await line.clock.sleep(2 * SECOND)
        assert [line.heard(turn) for turn in (1, 2, 3)] == [{0: 7_200}, {0: 14_400}, {0: 21_600}]

    run_on("simulated", main())


# ── the first audio ──────────────────────────────────────────────────────────────────────────────


def test_playback_starts_with_the_first_audible_frame() -> None:
    async def main() -> None:
        line = Line()
        async with line.running():
            turn = line.live_turn()
            segment = Segment(turn=turn, index=0, text="words", rate=16_000)
            silence = np.zeros(3200, np.int16)
            await line.play(segment, np.concatenate([silence, tone(440, 16_000, 0.3)]))
            await line.end(turn)
            await line.clock.sleep(SECOND)
        (start,) = (report for report in line.reports if isinstance(report, PlaybackStarted))
        assert start.turn == turn
        # Handed over at once, but for what waits in the loudspeaker's queue.
        assert 200 * MS - 80 * MS <= start.at_ns <= 200 * MS

    run_on("simulated", main())


def test_a_reply_of_silence_never_starts_but_ends() -> None:
    async def main() -> None:
        line = Line()
        async with line.running():
            turn = line.live_turn()
            segment = Segment(turn=turn, index=0, text="words", rate=16_000)
            await line.play(segment, np.zeros(1600, np.int16))
            await line.end(turn)
            await line.clock.sleep(SECOND)
        assert not any(isinstance(report, PlaybackStarted) for report in line.reports)
        assert line.finals() == [turn]

    run_on("simulated", main())


# ── drafts ───────────────────────────────────────────────────────────────────────────────────────


def test_a_draft_is_held_until_its_commit() -> None:
    async def main() -> None:
        line = Line()
        async with line.running():
            draft = line.turns.prepare()
            speaking = asyncio.ensure_future(line.speak(draft, 0.2))
            await line.clock.sleep(SECOND)
            assert len(line.speaker.played()) + line.speaker.pending() == 0
            line.turns.commit()
            await speaking
            await line.end(draft)
            await line.clock.sleep(SECOND)
        assert line.heard() == {0: 4_800}

    run_on("simulated", main())


def test_a_draft_that_is_discarded_is_never_heard() -> None:
    async def main() -> None:
        line = Line()
        async with line.running():
            draft = line.turns.prepare()
            await line.speak(draft, 0.2)
            await settle()
            line.turns.discard()
            turn = line.live_turn()
            await line.speak(turn, 0.1)
            await line.end(turn)
            await line.clock.sleep(SECOND)
        assert len(line.speaker.played()) == pytest.approx(1600, abs=40)
        assert line.heard(draft) == {}

    run_on("simulated", main())


def test_no_more_than_a_second_of_a_draft_is_held() -> None:
    async def main() -> None:
        line = Line()
        async with line.running():
            draft = line.turns.prepare()
            speaking = asyncio.ensure_future(line.speak(draft, 30))
            await line.clock.sleep(SECOND)
            assert not speaking.done()
            assert (CAPACITY + 2) * 20 <= 1000
            assert line.inbox.statistics()["waiting"] == CAPACITY
            line.turns.discard()
            await speaking

    run_on("simulated", main())


# ── interruption ─────────────────────────────────────────────────────────────────────────────────


@given(
    at_ms=st.integers(1, 2400),
    latency_ms=st.sampled_from([0, 5, 40, 180]),
    device=st.sampled_from([8_000, 16_000, 44_100]),
    voice=st.sampled_from([8_000, 22_050, 24_000]),
    segments=st.lists(st.sampled_from([0.1, 0.33, 1.0]), min_size=1, max_size=4),
)
def test_what_is_reported_as_heard_is_within_a_frame_of_the_truth(
    at_ms: int, latency_ms: int, device: int, voice: int, segments: list[float]
) -> None:
    async def main() -> None:
        line = Line(rate=device, latency=latency_ms * MS)
        async with line.running():
            turn = line.live_turn()

            async def reply() -> None:
                for index, seconds in enumerate(segments):
                    await line.speak(turn, seconds, index=index, rate=voice)
                await line.end(turn)

            speaking = asyncio.ensure_future(reply())
            await line.clock.sleep(at_ms * MS)
            line.interrupt(turn)
            await line.clock.sleep(20 * MS)  # a write that waited may still have to end
            await speaking
        assert line.finals() == [turn]
        told_ms = sum(line.heard().values()) * 1000 / voice
        truth_ms = len(line.speaker.played()) * 1000 / device
        assert told_ms == pytest.approx(truth_ms, abs=20)
        assert all(
            samples <= round(seconds * voice)
            for samples, seconds in zip(line.heard().values(), segments, strict=False)
        )

    run_on("simulated", main())


def test_an_interrupted_reply_falls_silent_within_a_frame_and_the_far_side_is_flushed() -> None:
    async def main() -> None:
        line = Line(latency=100 * MS)
        async with line.running():
            turn = line.live_turn()
            speaking = asyncio.ensure_future(line.speak(turn, 5))
            await line.clock.sleep(SECOND)
            line.interrupt(turn)
            await line.clock.sleep(20 * MS)
            await speaking
            assert line.speaker.flushes == 1
            played = len(line.speaker.played())
            await line.clock.sleep(SECOND)
            assert len(line.speaker.played()) == played

    run_on("simulated", main())


def test_the_next_reply_after_an_interruption_is_counted_right() -> None:
    async def main() -> None:
        line = Line()
        async with line.running():
            first = line.live_turn()
            speaking = asyncio.ensure_future(line.speak(first, 5))
            await line.clock.sleep(SECOND)
            line.interrupt(first)
            second = line.live_turn()
            await speaking
            await line.speak(second, 0.5)
            await line.end(second)
            await line.clock.sleep(SECOND)
        assert line.heard(second) == {0: 12_000}
        assert line.finals() == [first, second]

    run_on("simulated", main())


def test_the_interruption_of_a_turn_that_was_never_played_has_an_answer() -> None:
    async def main() -> None:
        line = Line()
        async with line.running():
            turn = line.live_turn()
            line.interrupt(turn)
            await settle()
        (report,) = line.reports
        assert isinstance(report, Heard)
        assert (report.turn, report.segment, report.samples, report.final) == (turn, None, 0, True)
        assert line.speaker.flushes == 0

    run_on("simulated", main())


def test_a_reply_that_is_interrupted_while_its_last_samples_sound_ends_once() -> None:
    async def main() -> None:
        line = Line()
        async with line.running():
            turn = line.live_turn()
            await line.speak(turn, 0.3)
            await line.end(turn)
            await line.clock.sleep_until(290 * MS)
            line.interrupt(turn)
            await line.clock.sleep(SECOND)
        assert line.finals() == [turn]
        assert line.heard()[0] == pytest.approx(0.29 * 24_000, abs=480)

    run_on("simulated", main())


# ── loudness ─────────────────────────────────────────────────────────────────────────────────────


def loudness(line: Line, start: float, end: float) -> float:
    return rms_dbfs(line.speaker.played()[round(start * 16_000) : round(end * 16_000)])


def test_gain_changes_the_reply_from_its_next_frame_on() -> None:
    async def main() -> None:
        line = Line()
        async with line.running():
            turn = line.live_turn()
            speaking = asyncio.ensure_future(line.speak(turn, 3))
            await line.clock.sleep(SECOND)
            line.inbox.send_control(Gain(turn=turn, db=-15))
            await line.clock.sleep(SECOND)
            line.inbox.send_control(Gain(turn=turn, db=0))
            await speaking
            await line.end(turn)
            await line.clock.sleep(SECOND)
        full = loudness(line, 0.1, 0.9)
        assert loudness(line, 1.2, 1.9) == pytest.approx(full - 15, abs=0.1)
        assert loudness(line, 2.2, 2.9) == pytest.approx(full, abs=0.1)

    run_on("simulated", main())


def test_gain_of_one_turn_does_not_touch_another() -> None:
    async def main() -> None:
        line = Line()
        async with line.running():
            turn = line.live_turn()
            line.inbox.send_control(Gain(turn=turn + 1, db=-15))
            await line.speak(turn, 0.5)
            await line.end(turn)
            await line.clock.sleep(SECOND)
            following = line.live_turn()
            await line.speak(following, 0.5)
            await line.end(following)
            await line.clock.sleep(SECOND)
        assert loudness(line, 0.6, 0.9) == pytest.approx(loudness(line, 0.1, 0.4) - 15, abs=0.1)

    run_on("simulated", main())
