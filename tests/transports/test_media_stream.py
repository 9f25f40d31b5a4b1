from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

import numpy as np
import pytest

from tests.support.media_line import LineEnd, a_line
from voicepipe.audio.g711 import decode_ulaw, encode_ulaw
from voicepipe.core.clock import Clock, run_on
from voicepipe.core.frames import AudioIn, Pcm
from voicepipe.core.units import MS, SECOND
from voicepipe.errors import ProviderError
from voicepipe.testing.media_stream_caller import MediaStreamCaller
from voicepipe.transports.media_stream import (
    LEAD,
    LOW,
    MOST_MALFORMED,
    MOST_UNSENT,
    START_S,
    MediaStream,
    MediaStreamCall,
)
from voicepipe.transports.media_stream_protocol import MOST_BYTES

FRAME = 160
CONNECTED = '{"event":"connected","protocol":"Call","version":"1.0.0"}'


class Collected:
    """An outlet that keeps what it is sent."""

    def __init__(self) -> None:
        self.frames: list[AudioIn] = []

    def offer(self, frame: AudioIn) -> None:
        self.frames.append(frame)


def tone(samples: int = FRAME, level: int = 8000) -> Pcm:
    return (level * np.sin(np.arange(samples) * 2 * np.pi * 440 / 8000)).astype(np.int16)


class Scene:
    """A caller on one end of the line and a call on the other one, which has begun."""

    def __init__(self, clock: Clock, way_ns: int) -> None:
        self.clock = clock
        self.agent, self.carrier = a_line(clock, way_ns)
        self.caller = MediaStreamCaller(self.carrier, clock)
        self.out = Collected()
        self.stream: MediaStream
        self.call: MediaStreamCall

    async def begin(self) -> None:
        self.caller.begin({"customer": "Ann"})
        self.stream = await MediaStream.begin(self.agent)
        self.call = self.stream.ends(self.clock)

    async def hear(self) -> None:
        """The call's side of the caller, until it ends."""
        await self.call.caller.run(self.out, self)  # type: ignore[arg-type] # neither needs more than it has


def held(test: Callable[[Scene], Coroutine[Any, Any, None]], way_ns: int = 0) -> None:
    async def main() -> None:
        scene = Scene(Clock(), way_ns)
        await scene.begin()
        async with asyncio.TaskGroup() as group:
            listening = group.create_task(scene.caller.listen())
            hearing = group.create_task(scene.hear())
            await test(scene)
            hearing.cancel()
            listening.cancel()

    run_on("simulated", main())


def events(end: LineEnd) -> list[str]:
    return [json.loads(message)["event"] for message in end.sent]


# ── how it begins ────────────────────────────────────────────────────────────────────────────────


def begun(*messages: str | None) -> MediaStream:
    async def main() -> MediaStream:
        agent, _ = a_line(Clock())
        for message in messages:
            agent.arrive(message)
        return await MediaStream.begin(agent)

    stream: MediaStream = run_on("simulated", main())
    return stream


def test_a_stream_tells_whose_call_it_is() -> None:
    async def test(scene: Scene) -> None:
        assert scene.stream.start.call_sid == "CA0001"
        assert scene.stream.start.parameters == {"customer": "Ann"}

    held(test)


def test_somebody_who_says_nothing_isnt_waited_for_longer_than_ten_seconds() -> None:
    with pytest.raises(ProviderError, match=f"nobody said within {START_S:g} s") as caught:
        begun(CONNECTED)
    assert caught.value.kind == "timeout"


def test_a_far_side_that_leaves_before_it_has_begun_is_told() -> None:
    with pytest.raises(ProviderError, match="left before") as caught:
        begun(CONNECTED, None)
    assert caught.value.kind == "connection"


@pytest.mark.parametrize(
    ("messages", "told"),
    [
        (["hello"], "isn't JSON"),
        (['{"event":"media","media":{"payload":""}}'], "'media' came; 'connected' was expected"),
        ([CONNECTED, '{"event":"stop"}'], "'stop' came; 'start' was expected"),
        ([" " * (MOST_BYTES + 1)], f"at most {MOST_BYTES} are read"),
    ],
)
def test_who_speaks_something_else_is_told_what_was_expected(messages: list[str], told: str) -> None:
    with pytest.raises(ProviderError, match=told) as caught:
        begun(*messages)
    assert caught.value.kind == "protocol"


# ── what the caller says ─────────────────────────────────────────────────────────────────────────


def test_what_is_said_comes_as_frames_of_20_ms_at_8_khz() -> None:
    async def test(scene: Scene) -> None:
        for _ in range(3):
            scene.caller.say(encode_ulaw(tone()))
        scene.caller.stop()
        await scene.clock.sleep(MS)
        assert [(frame.position, frame.rate) for frame in scene.out.frames] == [
            (n * FRAME, 8000) for n in range(3)
        ]
        assert np.array_equal(scene.out.frames[1].pcm, decode_ulaw(encode_ulaw(tone())))
        assert scene.call.caller.stopped

    held(test)


def test_keys_are_counted_but_which_ones_is_kept_nowhere() -> None:
    async def test(scene: Scene) -> None:
        scene.caller.press("4")
        scene.caller.press("#")
        scene.caller.say(bytes(FRAME))
        await scene.clock.sleep(MS)
        assert scene.call.caller.digits == 2
        assert len(scene.out.frames) == 1
        assert "#" not in str(vars(scene.call.caller))

    held(test)


def test_one_message_that_cant_be_read_is_left_out() -> None:
    async def test(scene: Scene) -> None:
        scene.caller.say(bytes(FRAME))
        scene.agent.arrive("nonsense")
        scene.agent.arrive(CONNECTED)
        scene.agent.arrive(b"x" * (MOST_BYTES + 1))
        scene.caller.say(bytes(FRAME))
        await scene.clock.sleep(MS)
        assert len(scene.out.frames) == 2
        assert scene.call.caller.malformed == 3

    held(test)


def test_a_far_side_of_which_nothing_can_be_read_ends_the_call() -> None:
    async def main() -> None:
        scene = Scene(Clock(), 0)
        await scene.begin()
        for _ in range(MOST_MALFORMED):
            scene.agent.arrive("nonsense")
        with pytest.raises(ProviderError, match="50 messages in a row") as caught:
            await scene.hear()
        assert caught.value.kind == "protocol"

    run_on("simulated", main())


def test_numbers_that_leap_are_counted_as_messages_that_were_missed() -> None:
    async def test(scene: Scene) -> None:
        scene.caller.say(bytes(FRAME))
        scene.caller._sequence += 3
        scene.caller.say(bytes(FRAME))
        await scene.clock.sleep(MS)
        assert scene.call.caller.missed == 3
        assert scene.call.caller.arrivals.gaps_ms == 0

    held(test)


def test_a_timestamp_of_another_age_doesnt_lead_out_of_the_call_but_a_gap_that_has_passed_is_one() -> None:
    async def test(scene: Scene) -> None:
        scene.caller.say(bytes(FRAME))
        scene.caller._chunk = 10**13
        scene.caller.say(bytes(FRAME))
        await scene.clock.sleep(60 * SECOND)
        scene.caller._chunk += 60 * 50
        scene.caller.say(bytes(FRAME))
        await scene.clock.sleep(MS)
        assert [frame.position for frame in scene.out.frames] == [0, FRAME, (60 * 50 + 2) * FRAME]

    held(test)


@pytest.mark.parametrize("how", ["stop", "vanish"])
def test_the_call_ends_when_the_caller_hangs_up_or_is_gone(how: str) -> None:
    async def main() -> None:
        scene = Scene(Clock(), 0)
        await scene.begin()
        scene.caller.say(bytes(FRAME))
        getattr(scene.caller, how)()
        await scene.hear()
        assert len(scene.out.frames) == 1
        assert scene.call.caller.stopped == (how == "stop")

    run_on("simulated", main())


# ── what the agent says ──────────────────────────────────────────────────────────────────────────


def test_the_far_side_is_given_so_much_ahead_and_then_the_pace_of_time() -> None:
    async def test(scene: Scene) -> None:
        times = []
        for _ in range(50):
            await scene.call.output.write(tone())
            times.append(scene.clock.now())
        ahead = [(n + 1) * 20 * MS - at for n, at in enumerate(times)]
        assert max(ahead) <= LEAD + 20 * MS
        assert min(ahead[10:]) >= LOW
        assert len(set(times)) < 15  # it isn't waited for each block

    held(test)


def test_the_first_block_goes_at_once_and_those_that_fill_up_go_together() -> None:
    async def test(scene: Scene) -> None:
        await scene.call.output.write(tone())
        assert events(scene.agent) == ["media"]
        for _ in range(5):
            await scene.call.output.write(tone())
        assert events(scene.agent) == ["media"]
        await asyncio.sleep(0)
        assert events(scene.agent) == ["media", "media"]

    held(test)


def test_the_caller_hears_every_sample_once_and_without_a_hole() -> None:
    async def test(scene: Scene) -> None:
        whole = tone(8000)
        began = scene.clock.now()
        for at in range(0, whole.size, FRAME):
            await scene.call.output.write(whole[at : at + FRAME])
        await scene.clock.sleep(2 * SECOND)
        heard = scene.caller.sound(began + 30 * MS, began + 1030 * MS)
        assert np.array_equal(heard, decode_ulaw(encode_ulaw(whole)))
        assert scene.caller.answered == ["1", "2", "3", "4", "5"]
        assert scene.call.output.pending() == 0

    held(test, way_ns=30 * MS)


def test_an_interruption_stops_the_far_side_and_what_was_heard_is_known_to_the_sample() -> None:
    async def test(scene: Scene) -> None:
        whole = tone(8000)
        output = scene.call.output
        for at in range(0, whole.size // 2, FRAME):
            await output.write(whole[at : at + FRAME])
        output.flush()
        assert output.pending() == 40  # 5 ms, in which it fades
        left = scene.clock.now()
        await scene.clock.sleep(SECOND)
        sound = scene.caller.sound(0, 2 * SECOND)
        loud = np.flatnonzero(sound)
        # The first sample came 40 ms after it was written, and so did the clear.
        assert loud[-1] + 1 <= (left + 45 * MS) * 8 // MS
        assert loud[-1] + 1 >= (left + 44 * MS) * 8 // MS
        assert scene.caller.clears == 1
        assert output.pending() == 0

    held(test, way_ns=40 * MS)


def test_what_is_said_after_an_interruption_isnt_mistaken_for_what_was_cleared() -> None:
    async def test(scene: Scene) -> None:
        output = scene.call.output
        for _ in range(20):
            await output.write(tone())
        output.flush()
        for _ in range(20):
            await output.write(tone(level=4000))
        pending = output.pending()
        await scene.clock.sleep(200 * MS)
        assert output.pending() == max(0, pending - 1600)
        await scene.clock.sleep(SECOND)
        assert scene.caller.answered == ["1", "2", "3", "4"]

    held(test, way_ns=40 * MS)


def test_blocks_that_werent_sent_yet_are_never_sent_after_an_interruption() -> None:
    async def test(scene: Scene) -> None:
        output = scene.call.output
        for _ in range(4):
            await output.write(tone())
        output.flush()
        await scene.clock.sleep(100 * MS)
        assert events(scene.agent) == ["media", "clear", "media"]
        assert sum(pcm.size for _, pcm in scene.caller.heard) == 40

    held(test)


def test_a_flush_with_nothing_to_be_played_sends_nothing() -> None:
    async def test(scene: Scene) -> None:
        scene.call.output.flush()
        assert scene.agent.sent == []

    held(test)


def test_a_flush_wakes_a_write_that_waits_for_room() -> None:
    async def test(scene: Scene) -> None:
        output = scene.call.output
        for _ in range(10):
            await output.write(tone())
        writing = asyncio.ensure_future(output.write(tone()))
        await asyncio.sleep(0)
        assert not writing.done()
        output.flush()
        await writing
        assert scene.clock.now() < MS

    held(test)


def test_a_far_side_that_is_behind_is_given_less() -> None:
    async def test(scene: Scene) -> None:
        output = scene.call.output
        for _ in range(40):
            await output.write(tone())
        scene.agent.way_ns += 500 * MS  # as if the network had stood still
        for _ in range(30):
            await output.write(tone())
        scene.agent.way_ns -= 500 * MS
        await output.write(tone())
        assert scene.caller.left() <= LEAD + 20 * MS
        assert output.pending() >= scene.caller.left() * 8 // MS

    held(test, way_ns=20 * MS)


def test_a_far_side_that_doesnt_read_any_more_ends_the_call() -> None:
    async def main() -> None:
        scene = Scene(Clock(), 0)
        await scene.begin()
        scene.agent.lying = MOST_UNSENT + 1
        await scene.call.output.write(tone())
        await scene.hear()
        assert not scene.call.caller.stopped

    run_on("simulated", main())


def test_writing_to_somebody_who_has_gone_keeps_its_pace_and_raises_nothing() -> None:
    async def test(scene: Scene) -> None:
        scene.caller.vanish()
        await scene.clock.sleep(MS)
        for _ in range(20):
            await scene.call.output.write(tone())
        scene.call.output.flush()
        scene.call.close()
        assert scene.clock.now() >= 200 * MS
        assert scene.agent.sent == []

    held(test)
