"""A reply that is ducked, held and comes back; one that runs dry; notices."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.playout import PlayoutLine as Line
from tests.support.stages import settle
from tests.support.tones import tone
from voicepipe.audio.level import rms_dbfs
from voicepipe.core.clock import run_on
from voicepipe.core.frames import (
    Gain,
    Notice,
    Pause,
    Pcm,
    PlaybackStarted,
    PlaybackStopped,
    Resume,
    Segment,
    Word,
)
from voicepipe.core.units import MS, SECOND
from voicepipe.runtime.notices import SpokenNotice

RATE = 16_000
WORD_MS = 250
FADE = RATE * 5 // 1000


def ramp(samples: int) -> Pcm:
    """Audible audio in which each sample tells its own position, as far as 2¹⁴."""
    return (np.arange(samples) % 2**14 + 2**13).astype(np.int16)


def worded(turn: int, seconds: float) -> Segment:
    count = round(seconds * 1000 / WORD_MS)
    return Segment(
        turn=turn,
        index=0,
        text=" ".join(["word"] * count),
        rate=RATE,
        words=[Word(text="word", start_ms=n * WORD_MS, end_ms=(n + 1) * WORD_MS) for n in range(count)],
    )


async def reply(line: Line, seconds: float = 3.0) -> tuple[int, asyncio.Future[None], Pcm]:
    """A reply of words of ``WORD_MS`` is being spoken."""
    turn = line.live_turn()
    pcm = ramp(round(seconds * RATE))

    async def speak() -> None:
        await line.play(worded(turn, seconds), pcm)
        await line.end(turn)

    return turn, asyncio.ensure_future(speak()), pcm


# ── pauses ───────────────────────────────────────────────────────────────────────────────────────


@given(at_ms=st.integers(30, 2900), held_ms=st.integers(0, 3000), latency_ms=st.sampled_from([0, 40]))
def test_a_paused_reply_comes_back_at_the_word_that_was_cut_off(
    at_ms: int, held_ms: int, latency_ms: int
) -> None:
    async def main() -> None:
        line = Line(latency=latency_ms * MS)
        async with line.running():
            turn, speaking, pcm = await reply(line)
            await line.clock.sleep(at_ms * MS)
            line.inbox.send_control(Pause(turn=turn))
            before = len(line.speaker.played())
            await line.clock.sleep(held_ms * MS)
            assert len(line.speaker.played()) == before, "nothing is played while it is held"
            line.inbox.send_control(Resume(turn=turn))
            await line.clock.sleep(5 * SECOND)
            await speaking
        played = line.speaker.played()
        word = WORD_MS * RATE // 1000
        assert np.array_equal(played[:before], pcm[:before])
        again = played[before:]
        start = before // word * word
        assert len(again) == len(pcm) - start
        assert np.array_equal(again[FADE:], pcm[start + FADE :])
        assert abs(int(again[0])) == 0, "it is faded in"
        assert line.heard() == {0: len(pcm)}
        assert line.finals() == [turn]

    run_on("simulated", main())


def test_what_was_heard_is_told_at_the_pause_and_not_counted_twice() -> None:
    async def main() -> None:
        line = Line()
        async with line.running():
            turn, speaking, _ = await reply(line)
            await line.clock.sleep(1100 * MS)
            line.inbox.send_control(Pause(turn=turn))
            assert line.heard()[0] == pytest.approx(1.1 * RATE, abs=RATE // 50)
            line.inbox.send_control(Resume(turn=turn))
            await line.clock.sleep(50 * MS)
            line.interrupt(turn)
            await speaking
            await settle()
            assert line.heard()[0] == pytest.approx(1.1 * RATE, abs=RATE // 50), "the word began at 1 s"

    run_on("simulated", main())


def test_a_reply_that_is_interrupted_while_it_is_held_says_nothing_more() -> None:
    async def main() -> None:
        line = Line()
        async with line.running():
            turn, speaking, _ = await reply(line)
            await line.clock.sleep(SECOND)
            line.inbox.send_control(Pause(turn=turn))
            await line.clock.sleep(SECOND)
            played = len(line.speaker.played())
            line.interrupt(turn)
            await line.clock.sleep(5 * SECOND)
            await speaking
            assert len(line.speaker.played()) == played
            assert line.finals() == [turn]
            second = line.live_turn()
            await line.speak(second, 0.5)
            await line.end(second)
            await line.clock.sleep(SECOND)
            assert line.finals() == [turn, second]

    run_on("simulated", main())


def test_a_reply_that_has_all_been_handed_over_can_still_be_held() -> None:
    async def main() -> None:
        line = Line()
        async with line.running():
            turn, speaking, pcm = await reply(line, 0.5)
            await line.clock.sleep(480 * MS)
            line.inbox.send_control(Pause(turn=turn))
            await line.clock.sleep(SECOND)
            assert line.finals() == []
            line.inbox.send_control(Resume(turn=turn))
            await line.clock.sleep(SECOND)
            await speaking
            assert line.finals() == [turn]
            assert line.heard() == {0: len(pcm)}

    run_on("simulated", main())


def test_a_reply_that_has_not_begun_can_be_held() -> None:
    async def main() -> None:
        line = Line()
        async with line.running():
            turn = line.live_turn()
            line.inbox.send_control(Pause(turn=turn))
            speaking = asyncio.ensure_future(line.speak(turn, 0.3))
            await line.clock.sleep(SECOND)
            await speaking
            assert line.reports == []
            line.inbox.send_control(Resume(turn=turn))
            await line.end(turn)
            await line.clock.sleep(SECOND)
            assert line.heard() == {0: 7_200}
            assert line.finals() == [turn]

    run_on("simulated", main())


def test_no_more_than_a_second_of_a_held_reply_is_taken_in() -> None:
    async def main() -> None:
        line = Line()
        async with line.running():
            turn = line.live_turn()
            line.inbox.send_control(Pause(turn=turn))
            speaking = asyncio.ensure_future(line.speak(turn, 30))
            await line.clock.sleep(5 * SECOND)
            assert not speaking.done()
            line.turns.interrupt()
            line.interrupt(turn)
            await speaking

    run_on("simulated", main())


# ── ducking ──────────────────────────────────────────────────────────────────────────────────────


def test_a_ducked_reply_is_15_db_quieter_within_a_frame_and_loses_nothing() -> None:
    async def main() -> None:
        line = Line(latency=40 * MS)
        async with line.running():
            turn = line.live_turn()
            speaking = asyncio.ensure_future(line.play(worded(turn, 2.0), tone(400, RATE, 2.0)))
            await line.clock.sleep(SECOND)
            line.inbox.send_control(Gain(turn=turn, db=-15.0))
            at = len(line.speaker.played())
            await line.clock.sleep(2 * SECOND)
            await speaking
        played = line.speaker.played()
        frame = RATE // 50
        full = rms_dbfs(played[at - 10 * frame : at])
        assert rms_dbfs(played[at + frame : at + 10 * frame]) == pytest.approx(full - 15, abs=0.2)
        assert len(played) == 2 * RATE

    run_on("simulated", main())


def test_a_ducked_reply_comes_back_to_full_loudness_without_repeating_anything() -> None:
    async def main() -> None:
        line = Line()
        async with line.running():
            turn = line.live_turn()
            speaking = asyncio.ensure_future(line.play(worded(turn, 2.0), tone(400, RATE, 2.0)))
            await line.clock.sleep(500 * MS)
            line.inbox.send_control(Gain(turn=turn, db=-15.0))
            await line.clock.sleep(500 * MS)
            line.inbox.send_control(Resume(turn=turn))
            await line.clock.sleep(2 * SECOND)
            await speaking
        played = line.speaker.played()
        assert len(played) == 2 * RATE
        full = rms_dbfs(played[: RATE // 4])
        assert rms_dbfs(played[RATE * 3 // 5 : RATE * 9 // 10]) == pytest.approx(full - 15, abs=0.2)
        assert rms_dbfs(played[RATE * 5 // 4 :]) == pytest.approx(full, abs=0.2)

    run_on("simulated", main())


# ── a reply that runs dry ────────────────────────────────────────────────────────────────────────


def sounds(line: Line) -> list[str]:
    return [
        type(report).__name__
        for report in line.reports
        if isinstance(report, PlaybackStarted | PlaybackStopped)
    ]


def test_a_reply_that_runs_dry_has_stopped_and_starts_again() -> None:
    async def main() -> None:
        line = Line()
        async with line.running():
            turn = line.live_turn()
            await line.speak(turn, 0.3)
            await line.clock.sleep_until(290 * MS)
            assert sounds(line) == ["PlaybackStarted"]
            await line.clock.sleep_until(310 * MS)
            assert sounds(line) == ["PlaybackStarted", "PlaybackStopped"]
            assert line.heard() == {0: 7_200}
            await line.speak(turn, 0.3, index=1)
            await line.end(turn)
            await line.clock.sleep(SECOND)
        assert sounds(line) == ["PlaybackStarted", "PlaybackStopped", "PlaybackStarted"]
        assert line.finals() == [turn]

    run_on("simulated", main())


def test_a_held_reply_has_not_run_dry() -> None:
    async def main() -> None:
        line = Line()
        async with line.running():
            turn, speaking, _ = await reply(line)
            await line.clock.sleep(SECOND)
            line.inbox.send_control(Pause(turn=turn))
            await line.clock.sleep(5 * SECOND)
            assert sounds(line) == ["PlaybackStarted"]
            line.interrupt(turn)
            await speaking

    run_on("simulated", main())


# ── notices ──────────────────────────────────────────────────────────────────────────────────────

NOTICE = SpokenNotice("Hang on.", RATE, tone(600, RATE, 0.4))


def noticing() -> Line:
    return Line(notices={"wait": NOTICE})


async def hear(act: Callable[[Line, int], object]) -> Line:
    """A turn of which nothing was made when ``act`` is called."""
    line = noticing()
    async with line.running():
        await settle()
        act(line, line.live_turn())
        await line.clock.sleep(3 * SECOND)
    return line


def test_a_notice_is_heard_as_a_part_of_the_reply_that_isnt_history() -> None:
    line = run_on(
        "simulated",
        hear(lambda line, turn: line.inbox.send_control(Notice(turn=turn, name="wait", last=False))),
    )
    assert len(line.speaker.played()) == NOTICE.pcm.size
    (start, *_) = line.reports
    assert isinstance(start, PlaybackStarted)
    assert start.filler
    assert [report.segment.in_history for report in line.reports if getattr(report, "segment", None)] == [
        False
    ]
    assert line.finals() == []
    assert sounds(line) == ["PlaybackStarted", "PlaybackStopped"]


@pytest.mark.parametrize(("name", "samples"), [("wait", NOTICE.pcm.size), ("unknown", 0)])
def test_a_last_notice_ends_the_turn_also_if_there_is_none_of_that_name(name: str, samples: int) -> None:
    line = run_on(
        "simulated",
        hear(lambda line, turn: line.inbox.send_control(Notice(turn=turn, name=name, last=True))),
    )
    assert len(line.speaker.played()) == samples
    assert line.finals() == [1]


def test_a_reply_goes_on_after_a_notice() -> None:
    async def main() -> None:
        line = noticing()
        async with line.running():
            turn = line.live_turn()
            await line.speak(turn, 0.3)
            await line.clock.sleep(SECOND)
            line.inbox.send_control(Notice(turn=turn, name="wait", last=False))
            await line.clock.sleep(SECOND)
            await line.speak(turn, 0.3, index=1)
            await line.end(turn)
            await line.clock.sleep(SECOND)
        assert line.heard() == {0: 7_200, -1: NOTICE.pcm.size, 1: 7_200}
        assert line.finals() == [turn]

    run_on("simulated", main())


# ── the loudspeaker is waited for ────────────────────────────────────────────────────────────────


@given(at_ms=st.integers(1, 900))
def test_nothing_old_is_handed_over_after_an_interrupt(at_ms: int) -> None:
    """Whatever playout was doing just then: it mostly waits for the loudspeaker."""

    async def main() -> None:
        line = Line(latency=20 * MS)
        async with line.running():
            turn, speaking, _ = await reply(line, 1.0)
            await line.clock.sleep(at_ms * MS)
            line.interrupt(turn)
            assert line.speaker.pending() == 0
            played = len(line.speaker.played())
            assert line.finals() == [turn], "it is told at once"
            await line.clock.sleep(2 * SECOND)
            await speaking
            assert len(line.speaker.played()) == played

    run_on("simulated", main())
