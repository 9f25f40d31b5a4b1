from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.support.media_line import LineEnd, a_line
from voicepipe.audio.g711 import encode_ulaw
from voicepipe.core.clock import Clock, run_on
from voicepipe.core.frames import Pcm
from voicepipe.core.units import MS
from voicepipe.testing.media_stream_caller import MediaStreamCaller
from voicepipe.transports.media_stream_protocol import Digit, Envelope, Media, Start, Stop, parse

ENVELOPE = Envelope("MZ0001")


def block(level: int = 1000, samples: int = 160) -> Pcm:
    return np.full(samples, level, np.int16)


def with_caller(test: Callable[[Clock, MediaStreamCaller, LineEnd], Any]) -> None:
    async def main() -> None:
        clock = Clock()
        _, carrier = a_line(clock)
        await test(clock, MediaStreamCaller(carrier, clock), carrier)

    run_on("simulated", main())


def test_a_call_is_told_as_the_carrier_tells_it() -> None:
    async def test(clock: Clock, caller: MediaStreamCaller, end: LineEnd) -> None:
        caller.begin({"name": 'Ann "A" O\'Neill'})
        caller.say(bytes(160))
        caller.say(bytes(160))
        caller.press("5")
        caller.stop()
        _, start, first, second, digit, stop = [parse(message) for message in end.sent]
        assert isinstance(start, Start)
        assert start.parameters == {"name": 'Ann "A" O\'Neill'}
        assert (first, second) == (Media(bytes(160), 0, 2), Media(bytes(160), 20, 3))
        assert (digit, stop) == (Digit("5", 4), Stop(5))
        assert json.loads(end.sent[2])["media"]["chunk"] == "1"

    with_caller(test)


def test_marks_come_back_when_what_was_before_them_has_been_played() -> None:
    async def test(clock: Clock, caller: MediaStreamCaller, end: LineEnd) -> None:
        caller.take(ENVELOPE.media(encode_ulaw(block())))
        caller.take(ENVELOPE.mark(1))
        caller.take(ENVELOPE.media(encode_ulaw(block())))
        caller.take(ENVELOPE.mark(2))
        assert caller.left() == 40 * MS
        await clock.sleep(19 * MS)
        assert caller.answered == []
        await clock.sleep(2 * MS)
        assert caller.answered == ["1"]
        await clock.sleep(20 * MS)
        assert caller.answered == ["1", "2"]

    with_caller(test)


def test_a_mark_with_nothing_before_it_comes_back_at_once() -> None:
    async def test(clock: Clock, caller: MediaStreamCaller, end: LineEnd) -> None:
        caller.take(ENVELOPE.mark(1))
        assert caller.answered == ["1"]

    with_caller(test)


def test_a_clear_drops_what_isnt_played_and_gives_all_marks_back() -> None:
    async def test(clock: Clock, caller: MediaStreamCaller, end: LineEnd) -> None:
        for number in range(1, 6):
            caller.take(ENVELOPE.media(encode_ulaw(block())))
            caller.take(ENVELOPE.mark(number))
        await clock.sleep(30 * MS)
        caller.take(ENVELOPE.clear)
        assert caller.answered == ["1", "2", "3", "4", "5"]
        assert caller.left() == 0
        assert np.count_nonzero(caller.sound(0, 200 * MS)) == 240

    with_caller(test)


def test_what_was_heard_is_kept_with_its_time() -> None:
    async def test(clock: Clock, caller: MediaStreamCaller, end: LineEnd) -> None:
        await clock.sleep(10 * MS)
        caller.take(ENVELOPE.media(encode_ulaw(block())))
        sound = caller.sound(0, 50 * MS)
        assert list(np.flatnonzero(sound)[[0, -1]]) == [80, 239]
        assert np.count_nonzero(caller.sound(20 * MS, 25 * MS)) == 40

    with_caller(test)


@pytest.mark.parametrize(
    "message", [Envelope("MZother").clear, '{"event":"play","streamSid":"MZ0001"}', "[]", "hello"]
)
def test_what_the_carrier_wouldnt_take_is_told(message: str) -> None:
    async def test(clock: Clock, caller: MediaStreamCaller, end: LineEnd) -> None:
        with pytest.raises(ValueError, match=r"message|Expecting"):
            caller.take(message)

    with_caller(test)
