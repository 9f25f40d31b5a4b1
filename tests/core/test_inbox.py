from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicepipe.core.clock import Clock, run_on
from voicepipe.core.frames import AudioIn, Commit, EndOfText, Gain, SpeechStarted, Text, Transcript
from voicepipe.core.inbox import CAPACITY, Inbox, Outlet
from voicepipe.core.turns import Turns
from voicepipe.core.units import MS
from voicepipe.errors import LinkClosed


def audio(position: int = 0) -> AudioIn:
    return AudioIn(pcm=np.zeros(320, np.int16), position=position, rate=16_000)


def words(text: str, turn: int = 1) -> Text:
    return Text(turn=turn, text=text)


def transcript(text: str) -> Transcript:
    return Transcript(utterance=0, revision=0, text=text, final=False, at_ns=0)


def live(turns: Turns) -> int:
    turns.prepare()
    return turns.commit()


def opened(turns: Turns | None = None, *, capacity: int = CAPACITY, tap: bool = False) -> Inbox[Any]:
    inbox: Inbox[Any] = Inbox("llm", turns or Turns(), capacity=capacity, tap=tap)
    inbox.open()
    return inbox


async def rest(inbox: Inbox[Any]) -> list[Any]:
    """All that is still to be read; the last writer closes."""
    inbox.close()
    return [frame async for frame in inbox]


async def what_is_there(inbox: Inbox[Any]) -> list[Any]:
    """The next frame, if there is one to be read."""
    reading = asyncio.ensure_future(anext(inbox))
    await asyncio.sleep(0)
    if reading.done():
        return [reading.result()]
    reading.cancel()
    return []


def simulated(main: Coroutine[Any, Any, None]) -> None:
    run_on("simulated", main)


class Log:
    """What the probes of an inbox saw."""

    def __init__(self, inbox: Inbox[Any]) -> None:
        self.came: list[Any] = []
        self.went: list[Any] = []
        self.dropped: list[Any] = []
        inbox.attach("in", self.came.append)
        inbox.attach("out", self.went.append)
        inbox.attach("drop", self.dropped.append)


# ── order and capacity ───────────────────────────────────────────────────────────────────────────


def test_frames_come_out_in_the_order_in_which_they_went_in() -> None:
    async def main() -> None:
        inbox = opened()
        frames = [transcript(str(n)) for n in range(10)]
        for frame in frames:
            await inbox.put(frame)
        assert await rest(inbox) == frames

    simulated(main())


def test_control_overtakes_all_data_and_keeps_its_own_order() -> None:
    async def main() -> None:
        inbox = opened()
        data, first, second = transcript("a"), Commit(turn=1), Commit(turn=2)
        await inbox.put(data)
        inbox.send_control(first)
        inbox.send_control(second)
        assert await rest(inbox) == [first, second, data]

    simulated(main())


def test_the_control_lane_takes_more_than_the_data_lane_holds() -> None:
    async def main() -> None:
        inbox = opened(capacity=1)
        await inbox.put(transcript("full"))
        for _ in range(100):
            inbox.send_control(Commit(turn=1))
        assert len(await rest(inbox)) == 101

    simulated(main())


def test_a_control_frame_wakes_a_reader_that_waits() -> None:
    async def main() -> None:
        inbox = opened()
        gain = Gain(turn=1, db=-15)
        asyncio.get_running_loop().call_later(1, inbox.send_control, gain)
        assert await anext(inbox) is gain

    simulated(main())


def test_a_writer_waits_for_room_and_nothing_is_lost() -> None:
    async def main() -> None:
        inbox = opened(capacity=2)
        frames = [transcript(str(n)) for n in range(7)]
        deepest = 0

        async def write() -> None:
            for frame in frames:
                await inbox.put(frame)
            inbox.close()

        read = []
        async with asyncio.TaskGroup() as group:
            group.create_task(write())
            async for frame in inbox:
                deepest = max(deepest, inbox.statistics()["waiting"])
                await asyncio.sleep(0.01)
                read.append(frame)
        assert read == frames
        assert deepest <= 2

    simulated(main())


def test_writers_that_wait_get_their_room_in_the_order_in_which_they_came() -> None:
    async def main() -> None:
        inbox = opened(capacity=1)
        frames = [transcript(str(n)) for n in range(4)]
        await inbox.put(frames[0])
        async with asyncio.TaskGroup() as group:
            for frame in frames[1:]:
                group.create_task(inbox.put(frame))
                await asyncio.sleep(0)
            assert inbox.statistics()["blocked_writers"] == 3
            assert [await anext(inbox) for _ in frames] == frames

    simulated(main())


def test_statistics_tell_how_full_an_inbox_is_and_who_waits() -> None:
    async def main() -> None:
        inbox = opened(capacity=3)
        inbox.open()
        await inbox.put(transcript("a"))
        assert inbox.statistics() == {"waiting": 1, "capacity": 3, "blocked_writers": 0, "open_writers": 2}

    simulated(main())


# ── cancelled writers ────────────────────────────────────────────────────────────────────────────


def test_a_writer_that_is_cancelled_while_it_waits_leaves_its_place_to_the_next() -> None:
    async def main() -> None:
        inbox = opened(capacity=1)
        first, gives_up, third = (transcript(text) for text in ("first", "gives up", "third"))
        await inbox.put(first)
        impatient = asyncio.ensure_future(inbox.put(gives_up))
        patient = asyncio.ensure_future(inbox.put(third))
        await asyncio.sleep(0)
        impatient.cancel()
        await asyncio.sleep(0)
        assert await anext(inbox) is first
        await patient
        assert await rest(inbox) == [third]

    simulated(main())


def test_a_writer_that_is_cancelled_when_its_room_has_come_passes_it_on() -> None:
    async def main() -> None:
        inbox = opened(capacity=1)
        first, gives_up, third = (transcript(text) for text in ("first", "gives up", "third"))
        await inbox.put(first)
        impatient = asyncio.ensure_future(inbox.put(gives_up))
        patient = asyncio.ensure_future(inbox.put(third))
        await asyncio.sleep(0)
        assert await anext(inbox) is first  # the room is the impatient writer's, who doesn't know it yet
        impatient.cancel()
        await patient
        assert await rest(inbox) == [third]

    simulated(main())


@given(st.lists(st.sampled_from(["put", "read", "cancel", "die", "step"]), max_size=60), st.integers(1, 3))
def test_whatever_happens_room_is_never_lost_and_live_frames_neither(
    events: list[str], capacity: int
) -> None:
    async def main() -> None:
        turns = Turns()
        turn = live(turns)
        inbox = opened(turns, capacity=capacity)
        log = Log(inbox)
        puts: list[tuple[Text, asyncio.Future[None]]] = []
        read: list[Any] = []
        for number, event in enumerate(events):
            if event == "put":
                frame = words(str(number), turn)
                puts.append((frame, asyncio.ensure_future(inbox.put(frame))))
            elif event == "read":
                read += await what_is_there(inbox)
            elif event == "cancel" and puts:
                puts[-1][1].cancel()
            elif event == "die":
                turns.interrupt()
                turn = live(turns)
            else:
                await asyncio.sleep(0)
            assert inbox.statistics()["waiting"] <= capacity
        for _ in puts:
            await asyncio.sleep(0.001)
            read += await what_is_there(inbox)
        assert all(task.done() for _, task in puts)
        read += await rest(inbox)
        kept = [frame for frame, task in puts if not task.cancelled() and turns.alive(frame.turn)]
        assert set(map(id, kept)) <= set(map(id, read))
        assert log.went == read
        assert set(map(id, read)) <= set(map(id, log.came))
        assert not set(map(id, read)) & set(map(id, log.dropped))

    simulated(main())


# ── what is dropped ──────────────────────────────────────────────────────────────────────────────


def test_microphone_audio_of_a_live_source_is_dropped_and_the_reader_sees_the_gap() -> None:
    async def main() -> None:
        inbox = opened(capacity=2)
        out: Outlet[Any] = Outlet("input", {AudioIn: (inbox,)}, live=True)
        for n in range(3):
            await out.send(audio(n * 320))
        read = [await anext(inbox), await anext(inbox)]
        await out.send(audio(3 * 320))
        read.append(await anext(inbox))
        assert [frame.position for frame in read] == [0, 320, 960]

    simulated(main())


def test_no_other_frame_of_a_live_source_is_ever_dropped() -> None:
    async def main() -> None:
        inbox = opened(capacity=1)
        log = Log(inbox)
        out: Outlet[Any] = Outlet("vad", {SpeechStarted: (inbox,), Transcript: (inbox,)}, live=True)
        started = SpeechStarted(position=0, audio_from=0, onset_ns=0, at_ns=0)
        await out.send(started)
        waiting = asyncio.ensure_future(out.send(transcript("a")))
        await asyncio.sleep(1)
        assert not waiting.done()
        assert await anext(inbox) is started
        await waiting
        assert log.dropped == []

    simulated(main())


def test_from_a_file_everything_waits_and_nothing_is_dropped() -> None:
    async def main() -> None:
        inbox = opened(capacity=1)
        log = Log(inbox)
        out: Outlet[Any] = Outlet("input", {AudioIn: (inbox,)}, live=False)
        await out.send(audio())
        waiting = asyncio.ensure_future(out.send(audio(320)))
        await asyncio.sleep(1)
        assert not waiting.done()
        await anext(inbox)
        await waiting
        assert log.dropped == []

    simulated(main())


def test_an_offer_is_synchronous_and_says_whether_there_was_room() -> None:
    async def main() -> None:
        inbox = opened(capacity=1)
        assert inbox.offer(audio(0))
        assert not inbox.offer(audio(320))

    simulated(main())


def test_an_outlet_can_be_offered_frames_from_a_devices_callback() -> None:
    async def main() -> None:
        small, large = opened(capacity=1), opened(capacity=2)
        out: Outlet[Any] = Outlet("input", {AudioIn: (small, large)}, live=True)
        out.offer(audio(0))
        out.offer(audio(320))
        assert [inbox.statistics()["waiting"] for inbox in (small, large)] == [1, 2]

    simulated(main())


def test_a_tap_drops_whatever_does_not_fit_and_never_blocks() -> None:
    async def main() -> None:
        tap = opened(capacity=1, tap=True)
        log = Log(tap)
        kept, lost = transcript("kept"), transcript("lost")
        await tap.put(kept)
        await tap.put(lost)
        assert log.dropped == [lost]
        assert await rest(tap) == [kept]

    simulated(main())


def test_a_full_tap_makes_room_for_the_living_by_dropping_the_dead() -> None:
    async def main() -> None:
        turns = Turns()
        tap = opened(turns, capacity=1, tap=True)
        await tap.put(words("old", live(turns)))
        turns.interrupt()
        new = words("new", live(turns))
        await tap.put(new)
        assert await rest(tap) == [new]

    simulated(main())


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
