from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicepipe.core.clock import Clock, run_on
from voicepipe.core.frames import Pcm
from voicepipe.core.units import MS, SECOND
from voicepipe.transports.paced import FADE_MS, LEAD, PacedOutput

RATE = 24_000
BLOCK = RATE // 50
FADE = RATE * FADE_MS // 1000


def block(value: int = 1000, samples: int = BLOCK) -> Pcm:
    return np.full(samples, value, np.int16)


def simulated(test: Callable[[Clock, PacedOutput], Coroutine[Any, Any, None]]) -> None:
    """``test`` with a loudspeaker whose track keeps everything."""

    async def main() -> None:
        clock = Clock()
        await test(clock, PacedOutput(clock, RATE, recorded=True))

    run_on("simulated", main())


def test_it_takes_as_much_at_once_as_a_sound_card_and_then_keeps_pace() -> None:
    async def test(clock: Clock, output: PacedOutput) -> None:
        times = []
        for _ in range(8):
            await output.write(block())
            times.append(clock.now() // MS)
        assert times == [0, 0, 0, 20, 40, 60, 80, 100]

    simulated(test)


def test_what_was_written_is_pending_until_its_time_has_come() -> None:
    async def test(clock: Clock, output: PacedOutput) -> None:
        for _ in range(3):
            await output.write(block())
        assert output.pending() == 3 * BLOCK
        await clock.sleep(25 * MS)
        assert output.pending() == 3 * BLOCK - RATE * 25 // 1000
        await clock.sleep(SECOND)
        assert output.pending() == 0

    simulated(test)


def test_what_comes_too_late_is_heard_when_it_comes() -> None:
    async def test(clock: Clock, output: PacedOutput) -> None:
        await output.write(block(1))
        await clock.sleep(100 * MS)
        await output.write(block(2))
        heard = output.track.take(0, RATE // 5)
        assert np.flatnonzero(heard == 1).tolist() == list(range(BLOCK))
        assert np.flatnonzero(heard == 2).tolist() == list(range(RATE // 10, RATE // 10 + BLOCK))

    simulated(test)


def test_a_flush_ends_the_sound_there_and_then_in_a_short_fade() -> None:
    async def test(clock: Clock, output: PacedOutput) -> None:
        for _ in range(3):
            await output.write(block())
        await clock.sleep(30 * MS)
        output.flush()
        assert output.pending() == FADE
        now = RATE * 30 // 1000
        heard = output.track.take(0, RATE)
        assert (heard[:now] == 1000).all()
        assert (np.diff(heard[now : now + FADE]) < 0).all()
        assert not heard[now + FADE - 1 :].any()

    simulated(test)


def test_a_fade_reaches_into_as_many_blocks_as_it_takes() -> None:
    async def test(clock: Clock, output: PacedOutput) -> None:
        for _ in range(30):
            await output.write(block(samples=30))
        await clock.sleep(2 * MS)
        output.track.take(0, RATE * 2 // 1000)  # a recording has this already
        output.flush()
        heard = output.track.take(0, RATE)[RATE * 2 // 1000 :]
        assert (np.diff(heard[:FADE]) < 0).all()
        assert heard[0] > 900
        assert not heard[FADE - 1 :].any()

    simulated(test)


def test_after_a_flush_the_next_sound_begins_behind_the_fade() -> None:
    async def test(clock: Clock, output: PacedOutput) -> None:
        for _ in range(3):
            await output.write(block(1))
        await clock.sleep(30 * MS)
        output.flush()
        await output.write(block(2))
        assert output.pending() == FADE + BLOCK
        assert np.flatnonzero(output.track.take(0, RATE) == 2)[0] == RATE * 30 // 1000 + FADE

    simulated(test)


def test_a_flush_of_nothing_changes_nothing() -> None:
    async def test(clock: Clock, output: PacedOutput) -> None:
        output.flush()
        await output.write(block())
        await clock.sleep(SECOND)
        output.flush()
        assert (output.track.take(0, BLOCK) == 1000).all()

    simulated(test)


@pytest.mark.parametrize(("recorded", "kept"), [(False, 0), (True, BLOCK)])
def test_what_nobody_records_is_forgotten_once_it_was_heard(recorded: bool, kept: int) -> None:
    async def main() -> None:
        output = PacedOutput(Clock(), RATE, recorded=recorded)
        for _ in range(500):
            await output.write(block())
        assert np.count_nonzero(output.track.take(0, BLOCK)) == kept

    run_on("simulated", main())


@given(st.lists(st.tuples(st.integers(0, 100), st.integers(1, BLOCK), st.booleans()), max_size=30))
def test_however_it_is_fed_no_more_than_the_lead_is_ahead(steps: list[tuple[int, int, bool]]) -> None:
    async def test(clock: Clock, output: PacedOutput) -> None:
        for pause_ms, samples, flush in steps:
            await clock.sleep(pause_ms * MS)
            await output.write(block(samples=samples))
            assert output.pending() <= LEAD * RATE // SECOND + 1
            if flush:
                output.flush()
                assert output.pending() <= FADE

    simulated(test)
