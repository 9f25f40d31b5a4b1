from __future__ import annotations

import asyncio

import numpy as np
import pytest

from tests.support.playout import PlayoutLine as Line
from tests.support.stages import settle
from tests.support.tones import tone
from voicepipe.audio.level import rms_dbfs
from voicepipe.core.clock import run_on
from voicepipe.core.frames import FRAME_MS, Commit, Discard, PlaybackStarted, Segment
from voicepipe.core.units import MS, SECOND
from voicepipe.runtime.playout import CAPACITY, HOLD

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
            line.inbox.send_control(Commit(turn=draft))
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
            line.inbox.send_control(Discard(turn=draft))
            turn = line.live_turn()
            await line.speak(turn, 0.1)
            await line.end(turn)
            await line.clock.sleep(SECOND)
        assert len(line.speaker.played()) == pytest.approx(1600, abs=40)
        assert line.heard(draft) == {}

    run_on("simulated", main())


def test_a_draft_is_read_on_while_it_is_held_and_played_at_its_commit() -> None:
    async def main() -> None:
        line = Line()
        async with line.running():
            draft = line.turns.prepare()
            await asyncio.wait_for(line.speak(draft, 0.9), 0.1)
            await line.end(draft)
            await line.clock.sleep(2 * SECOND)
            assert line.reports == []
            committed = line.clock.now()
            line.turns.commit()
            line.inbox.send_control(Commit(turn=draft))
            await line.clock.sleep(2 * SECOND)
            (start,) = (report for report in line.reports if isinstance(report, PlaybackStarted))
            assert start.at_ns == committed
            assert line.heard() == {0: 21_600}
            assert line.finals() == [draft]

    run_on("simulated", main())


def test_no_more_than_a_second_of_a_draft_is_held() -> None:
    async def main() -> None:
        line = Line()
        async with line.running():
            draft = line.turns.prepare()
            speaking = asyncio.ensure_future(line.speak(draft, 30))
            await line.clock.sleep(SECOND)
            assert not speaking.done()
            assert HOLD * FRAME_MS <= 1000
            assert line.inbox.statistics()["waiting"] == CAPACITY
            line.turns.discard()
            line.inbox.send_control(Discard(turn=draft))
            await speaking
            turn = line.live_turn()
            await line.speak(turn, 0.1)
            await line.end(turn)
            await line.clock.sleep(SECOND)
            assert line.heard(turn) == {0: 2_400}

    run_on("simulated", main())
