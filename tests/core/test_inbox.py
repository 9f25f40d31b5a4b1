from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.support.inboxes import Log, audio, live, opened, rest, simulated, transcript, what_is_there, words
from voicepipe.core.frames import AudioIn, Commit, Gain, SpeechStarted, Text, Transcript
from voicepipe.core.inbox import Outlet
from voicepipe.core.turns import Turns

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


def test_a_writer_goes_on_when_a_quarter_is_free_and_fills_it_in_one_go() -> None:
    async def main() -> None:
        inbox = opened(capacity=8)
        frames = [transcript(str(n)) for n in range(12)]

        async def write() -> None:
            for frame in frames:
                await inbox.put(frame)

        writing = asyncio.ensure_future(write())
        await asyncio.sleep(0)
        waiting = []
        for frame in frames[:4]:
            assert await anext(inbox) is frame
            await asyncio.sleep(0)
            waiting.append(inbox.statistics()["waiting"])
        assert waiting == [7, 8, 7, 8]
        await writing
        inbox.close()
        assert [frame async for frame in inbox] == frames[4:]

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


@given(st.lists(st.sampled_from(["put", "read", "cancel", "die", "step"]), max_size=60), st.integers(1, 9))
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
