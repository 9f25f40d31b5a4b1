from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.playout import PlayoutLine as Line
from tests.support.stages import settle
from voicepipe.audio.level import rms_dbfs
from voicepipe.core.clock import run_on
from voicepipe.core.frames import (
    Gain,
    Heard,
)
from voicepipe.core.units import MS, SECOND

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
            speaking = asyncio.ensure_future(line.speak(turn, 0.5))
            await line.clock.sleep(100 * MS)
            line.inbox.send_control(Gain(turn=turn + 1, db=-15))
            await line.clock.sleep(100 * MS)
            line.inbox.send_control(Gain(turn=turn, db=-15))
            await speaking
            await line.end(turn)
            await line.clock.sleep(SECOND)
            following = line.live_turn()
            await line.speak(following, 0.5)
            await line.end(following)
            await line.clock.sleep(SECOND)
        full = loudness(line, 0.02, 0.19)
        assert loudness(line, 0.25, 0.45) == pytest.approx(full - 15, abs=0.1)
        assert loudness(line, 0.6, 0.9) == pytest.approx(full, abs=0.1)

    run_on("simulated", main())
