from __future__ import annotations

import asyncio
import math
import sys
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicepipe.core.clock import Clock, Deadlock, VirtualLoop, run_on, runner_on
from voicepipe.core.units import MS, SECOND

DAY = 86_400 * SECOND
durations = st.integers(min_value=0, max_value=DAY)


def test_a_clock_begins_at_zero_wherever_its_loop_is() -> None:
    async def main() -> tuple[int, int]:
        await asyncio.sleep(7)
        first = Clock()
        await first.sleep(250 * MS)
        return first.now(), Clock().now()

    assert run_on("simulated", main()) == (250 * MS, 0)


@given(st.lists(durations, max_size=20))
def test_simulated_sleeps_take_exactly_what_was_asked_for(naps: list[int]) -> None:
    async def main() -> int:
        clock = Clock()
        for nap in naps:
            await clock.sleep(nap)
        return clock.now()

    assert run_on("simulated", main()) == sum(naps)


def test_frames_of_ten_minutes_do_not_drift_by_a_nanosecond() -> None:
    async def main() -> int:
        clock = Clock()
        for _ in range(30_000):
            await clock.sleep(20 * MS)
        return clock.now()

    assert run_on("simulated", main()) == 600 * SECOND


@given(durations, durations)
def test_sleep_until_ends_at_that_time_or_at_once_if_it_has_passed(first: int, second: int) -> None:
    async def main() -> int:
        clock = Clock()
        await clock.sleep_until(first)
        await clock.sleep_until(second)
        return clock.now()

    assert run_on("simulated", main()) == max(first, second)


@given(st.lists(durations, min_size=1, max_size=10))
def test_timers_fire_in_order_and_at_their_time(times: list[int]) -> None:
    async def main() -> list[tuple[int, int]]:
        clock = Clock()
        fired: list[tuple[int, int]] = []
        for at in times:
            clock.call_at(at, lambda at=at: fired.append((at, clock.now())))
        await clock.sleep(DAY + 1)
        return fired

    fired = run_on("simulated", main())
    assert [at for at, _ in fired] == [now for _, now in fired] == sorted(times)


def test_a_cancelled_timer_does_not_fire() -> None:
    async def main() -> list[str]:
        clock = Clock()
        fired: list[str] = []
        clock.call_at(5 * MS, lambda: fired.append("cancelled")).cancel()
        clock.call_at(5 * MS, lambda: fired.append("kept"))
        await clock.sleep(10 * MS)
        return fired

    assert run_on("simulated", main()) == ["kept"]


def test_asyncios_own_time_outs_follow_the_simulated_clock() -> None:
    async def main() -> int:
        clock = Clock()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3600):
                await asyncio.sleep(3601)
        return clock.now()

    assert run_on("simulated", main()) == 3600 * SECOND


def test_simulated_work_takes_no_time() -> None:
    async def main() -> int:
        clock = Clock()
        sum(range(100_000))
        await asyncio.sleep(0)
        return clock.now()

    assert run_on("simulated", main()) == 0


def test_tasks_take_turns_in_the_same_order_each_time() -> None:
    async def main() -> list[tuple[int, int]]:
        clock = Clock()
        log: list[tuple[int, int]] = []

        async def walk(name: int, step: int) -> None:
            for _ in range(10):
                await clock.sleep(step * MS)
                log.append((clock.now(), name))

        async with asyncio.TaskGroup() as group:
            for name, step in enumerate((10, 20, 5, 20, 10)):
                group.create_task(walk(name, step))
        return log

    logs = [run_on("simulated", main()) for _ in range(3)]
    assert logs[0] == logs[1] == logs[2]
    assert [at for at, _ in logs[0]] == sorted(at for at, _ in logs[0])


def test_charged_work_takes_the_time_that_it_really_took() -> None:
    async def main() -> tuple[int, int]:
        clock = Clock()
        began = time.perf_counter_ns()
        sum(range(200_000))
        spent = time.perf_counter_ns() - began
        return clock.now(), spent

    charged, spent = run_on("charged", main())
    assert charged >= spent > 0


def test_charged_waiting_is_counted_but_skipped() -> None:
    async def main() -> int:
        clock = Clock()
        await clock.sleep(DAY)
        return clock.now()

    assert run_on("charged", main()) >= DAY


def test_charged_work_makes_a_timer_late_instead_of_being_free() -> None:
    async def main() -> tuple[int, int]:
        clock = Clock()
        fired: list[int] = []
        clock.call_at(1, lambda: fired.append(clock.now()))
        began = time.perf_counter_ns()
        sum(range(200_000))
        spent = time.perf_counter_ns() - began
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return fired[0], spent

    fired, spent = run_on("charged", main())
    assert fired >= spent


def test_a_wait_without_end_says_which_tasks_wait() -> None:
    async def stuck() -> None:
        await asyncio.get_running_loop().create_future()

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(stuck(), name="the tts stage")

    with pytest.raises(Deadlock, match=r"these tasks wait: Task-\d+ \(.*main\), the tts stage \(.*stuck\)"):
        run_on("simulated", main())


def test_after_a_deadlock_the_waiting_tasks_are_cleaned_up() -> None:
    cleaned: list[str] = []

    async def main() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            cleaned.append("main")

    with pytest.raises(Deadlock):
        run_on("simulated", main())
    assert cleaned == ["main"]


def test_an_answer_from_outside_is_taken_before_time_leaps() -> None:
    async def main() -> int:
        clock = Clock()
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[None] = loop.create_future()
        loop.call_soon_threadsafe(answer.set_result, None)
        async with asyncio.timeout(60):
            await answer
        return clock.now()

    assert run_on("simulated", main()) == 0


@pytest.mark.parametrize("name", ["real", "simulated", "charged"])
def test_a_clock_knows_its_name(name: Any) -> None:
    async def main() -> tuple[str, bool]:
        clock = Clock()
        return clock.name, clock.virtual

    assert run_on(name, main()) == (name, name != "real")


@pytest.mark.parametrize("name", ["real", "simulated", "charged"])
def test_run_on_can_be_used_again_and_gives_back_what_main_returns(name: Any) -> None:
    async def main(value: int) -> int:
        await Clock().sleep(1)
        return value

    assert [run_on(name, main(value)) for value in (1, 2)] == [1, 2]


@pytest.mark.parametrize("name", ["real", "simulated", "charged"])
def test_run_on_lets_an_exception_through(name: Any) -> None:
    async def main() -> None:
        raise LookupError("from main")

    with pytest.raises(LookupError, match="from main"):
        run_on(name, main())


def test_the_real_clock_goes_forward_with_the_computers() -> None:
    async def main() -> tuple[int, int]:
        began = time.monotonic_ns()
        clock = Clock()
        await clock.sleep(1 * MS)
        return clock.now(), time.monotonic_ns() - began

    session, computer = run_on("real", main())
    assert 0 < session <= computer + 1


def test_a_clock_can_be_made_for_a_loop_that_does_not_run_yet() -> None:
    loop = VirtualLoop("simulated")
    try:
        clock = Clock(loop)
        loop.run_until_complete(clock.sleep(3 * MS))
        assert clock.now() == 3 * MS
    finally:
        loop.close()


@pytest.mark.parametrize("name", ["real", "simulated", "charged"])
def test_a_runner_runs_several_things_in_one_loop_on_its_clock(name: Any) -> None:
    async def loop_and_clock() -> tuple[int, str]:
        await Clock().sleep(1)
        return id(asyncio.get_running_loop()), Clock().name

    with runner_on(name) as runner:
        first, second = runner.run(loop_and_clock()), runner.run(loop_and_clock())
    assert first == second
    assert first[1] == name


class CoarseLoop(asyncio.SelectorEventLoop):
    """Knows whole milliseconds only, as uvloop does."""

    def time(self) -> float:
        return math.floor(super().time() * 1000) / 1000


def test_real_time_is_exact_on_a_loop_whose_own_is_coarse() -> None:
    async def main() -> tuple[list[int], bool]:
        clock, rung = Clock(), asyncio.Event()
        clock.call_at(clock.now() + 2 * MS, rung.set)
        await rung.wait()
        return [clock.now() for _ in range(100)], clock.virtual

    with asyncio.Runner(loop_factory=CoarseLoop) as runner:
        times, virtual = runner.run(main())
    assert len(set(times)) > 2
    assert times == sorted(times)
    assert not virtual


async def whose_loop() -> str:
    return type(asyncio.get_running_loop()).__module__.partition(".")[0]


def test_the_real_loop_is_uvloops_where_that_is_installed() -> None:
    pytest.importorskip("uvloop")
    assert run_on("real", whose_loop()) == "uvloop"
    assert run_on("simulated", whose_loop()) == "voicepipe"


def test_the_real_loop_is_asyncios_where_uvloop_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvloop", None)
    assert run_on("real", whose_loop()) == "asyncio"
