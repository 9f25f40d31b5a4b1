from __future__ import annotations

import asyncio

from benchmarks._lag import EVERY, LoopLag
from voicepipe.core.clock import Clock, VirtualLoop, run_on
from voicepipe.core.units import MS, SECOND


def test_a_loop_with_nothing_to_do_has_no_lag() -> None:
    async def main() -> list[int]:
        clock = Clock()
        lag = LoopLag(clock, seed=1)
        await clock.sleep(10 * SECOND)
        lag.stop()
        return lag.late_ns

    late = run_on("simulated", main())
    assert max(late) < MS / 100
    assert 0.9 < len(late) * EVERY / (10 * SECOND) < 1.1


def test_a_stall_counts_by_what_is_left_of_it_at_each_moment() -> None:
    async def main() -> list[int]:
        loop, clock = asyncio.get_running_loop(), Clock()
        assert isinstance(loop, VirtualLoop)
        lag = LoopLag(clock, seed=1)
        await clock.sleep(SECOND // 2)
        loop._leap(0.2)  # as if this step took so long
        await clock.sleep(SECOND // 2)
        lag.stop()
        return lag.late_ns

    late = [one / MS for one in run_on("simulated", main()) if one > MS]
    assert len(late) > 20, "all that came due meanwhile"
    assert 150 < late[0] <= 200
    assert late == sorted(late, reverse=True)
    assert abs(sum(late) / len(late) - 100) < 25
