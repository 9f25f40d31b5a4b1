from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.support.inboxes import Log, audio, live, opened, rest, simulated, transcript, words
from voicepipe.core.clock import Clock
from voicepipe.core.frames import AudioIn, Commit, EndOfText, Text
from voicepipe.core.inbox import Outlet
from voicepipe.core.turns import Turns
from voicepipe.core.units import MS
from voicepipe.errors import LinkClosed

# ── dead turns ───────────────────────────────────────────────────────────────────────────────────


def test_frames_of_a_dead_turn_are_not_read() -> None:
    async def main() -> None:
        turns = Turns()
        inbox = opened(turns)
        log = Log(inbox)
        dead = words("dead", live(turns))
        await inbox.put(dead)
        turns.interrupt()
        alive = words("alive", live(turns))
        await inbox.put(alive)
        assert await rest(inbox) == [alive]
        assert log.dropped == [dead]

    simulated(main())


def test_frames_of_the_draft_are_read_beside_those_of_the_live_turn() -> None:
    async def main() -> None:
        turns = Turns()
        inbox = opened(turns)
        frames = [words("live", live(turns)), words("draft", turns.prepare())]
        for frame in frames:
            await inbox.put(frame)
        assert await rest(inbox) == frames

    simulated(main())


def test_a_writer_that_waits_with_a_frame_of_a_turn_that_dies_is_woken_and_lets_it_go() -> None:
    async def main() -> None:
        turns = Turns()
        turn = live(turns)
        inbox = opened(turns, capacity=1)
        log = Log(inbox)
        stays = transcript("stays")
        await inbox.put(stays)
        waiting = asyncio.ensure_future(inbox.put(words("late", turn)))
        await asyncio.sleep(0)
        turns.interrupt()
        await waiting
        assert len(log.dropped) == 1
        assert await rest(inbox) == [stays]

    simulated(main())


def test_the_death_of_what_fills_an_inbox_makes_room_at_once_though_nobody_reads() -> None:
    async def main() -> None:
        turns = Turns()
        inbox = opened(turns, capacity=2)
        turn = live(turns)
        await inbox.put(words("a", turn))
        await inbox.put(words("b", turn))
        waiting = asyncio.ensure_future(inbox.put(transcript("c")))
        await asyncio.sleep(0)
        turns.interrupt()
        await waiting
        assert inbox.statistics()["waiting"] == 1

    simulated(main())


# ── the end ──────────────────────────────────────────────────────────────────────────────────────


def test_the_reader_comes_to_its_end_when_the_last_writer_has_closed() -> None:
    async def main() -> None:
        clock, inbox = Clock(), opened()
        inbox.open()
        clock.call_at(10 * MS, inbox.close)
        clock.call_at(20 * MS, inbox.close)
        assert [frame async for frame in inbox] == []
        assert clock.now() == 20 * MS

    simulated(main())


def test_what_waits_at_the_last_close_is_still_read() -> None:
    async def main() -> None:
        inbox = opened()
        frame = transcript("a")
        await inbox.put(frame)
        assert await rest(inbox) == [frame]

    simulated(main())


def test_an_outlet_closes_each_of_its_inboxes_once_however_many_types_go_there() -> None:
    async def main() -> None:
        inbox = opened()
        out: Outlet[Any] = Outlet("llm", {Text: (inbox,), EndOfText: (inbox,)}, live=False)
        assert inbox.statistics()["open_writers"] == 2
        out.close()
        out.close()
        assert inbox.statistics()["open_writers"] == 1

    simulated(main())


def test_a_writer_is_told_when_the_reader_has_left() -> None:
    async def main() -> None:
        inbox = opened(capacity=1)
        log = Log(inbox)
        await inbox.put(transcript("unread"))
        waiting = asyncio.ensure_future(inbox.put(transcript("waits")))
        await asyncio.sleep(0)
        inbox.leave()
        with pytest.raises(LinkClosed, match="'llm' has left the call, but a Transcript was sent to it"):
            await waiting
        with pytest.raises(LinkClosed):
            await inbox.put(transcript("late"))
        assert [frame.text for frame in log.dropped] == ["unread"]

    simulated(main())


def test_control_to_a_reader_that_has_left_is_not_kept() -> None:
    async def main() -> None:
        inbox = opened()
        inbox.leave()
        inbox.send_control(Commit(turn=1))
        assert await rest(inbox) == []

    simulated(main())


def test_a_tap_that_has_left_does_not_end_the_call() -> None:
    async def main() -> None:
        tap = opened(tap=True)
        log = Log(tap)
        tap.leave()
        await tap.put(transcript("late"))
        assert len(log.dropped) == 1

    simulated(main())


def test_a_cancelled_reader_loses_nothing() -> None:
    async def main() -> None:
        inbox = opened()
        reading = asyncio.ensure_future(anext(inbox))
        await asyncio.sleep(0)
        frame = transcript("a")
        await inbox.put(frame)
        reading.cancel()
        await asyncio.sleep(0)
        assert await rest(inbox) == [frame]

    simulated(main())


# ── links ────────────────────────────────────────────────────────────────────────────────────────


def test_fan_out_delivers_the_same_frame_to_each_inbox() -> None:
    async def main() -> None:
        inboxes = opened(), opened()
        out: Outlet[Any] = Outlet("input", {AudioIn: inboxes}, live=False)
        frame = audio()
        await out.send(frame)
        out.close()
        assert [await rest(inbox) for inbox in inboxes] == [[frame], [frame]]

    simulated(main())


def test_probes_see_what_comes_in_what_goes_out_and_what_is_dropped() -> None:
    async def main() -> None:
        inbox = opened(capacity=1)
        log, second = Log(inbox), Log(inbox)
        kept, lost = audio(0), audio(320)
        inbox.offer(kept)
        inbox.offer(lost)
        assert (log.came, log.went, log.dropped) == ([kept], [], [lost])
        assert await rest(inbox) == [kept]
        assert (log.came, log.went, log.dropped) == ([kept], [kept], [lost])
        assert second.came == log.came

    simulated(main())


def test_a_frame_that_the_outlet_does_not_declare_is_a_mistake_of_the_stage() -> None:
    async def main() -> None:
        out: Outlet[Any] = Outlet("llm", {Text: (), EndOfText: ()}, live=False)
        with pytest.raises(TypeError, match="llm sent a AudioIn, but its outlet declares EndOfText, Text"):
            await out.send(audio())

    simulated(main())
