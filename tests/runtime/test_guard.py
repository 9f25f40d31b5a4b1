from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from tests.support.workers import make_call
from voicepipe.core.calls import Call
from voicepipe.core.clock import run_on
from voicepipe.core.records import ProviderAttempt, Usage
from voicepipe.core.units import MS, SECOND
from voicepipe.errors import ProviderError
from voicepipe.runtime.guard import Guard
from voicepipe.stages.base import Deadlines

LIMITS = Deadlines.model_validate({"first": "2s", "gap": "1s", "total": "5s"})


class Provider:
    """Waits, then gives an event, as often as ``pauses`` says. Knows what became of it."""

    def __init__(self, *pauses: int, error: Exception | None = None, usage: int = 0) -> None:
        self.pauses = pauses
        self.error = error
        self.usage = usage
        self.closed = 0

    async def __call__(self, call: Call) -> AsyncIterator[int]:
        try:
            for number, pause in enumerate(self.pauses):
                await call.clock.sleep(pause)
                call.add_usage("tokens_out", self.usage)
                yield number
            if self.error is not None:
                raise self.error
        finally:
            self.closed += 1


class Watched:
    """A call, its guard, and what they record."""

    def __init__(
        self,
        begin: Callable[[Call], AsyncIterator[Any]],
        *,
        limits: Deadlines = LIMITS,
        armed: bool = True,
    ) -> None:
        self.call = make_call(turn=1)
        self.records: list[Any] = []
        self.began: list[tuple[int, int]] = []
        self.guard = Guard(
            begin,
            self.call,
            slot="llm",
            provider="openai",
            model="gpt-6-luna",
            deadlines=limits,
            armed=armed,
            record=self.records.append,
            on_began=lambda asked_ns, at_ns: self.began.append((asked_ns, at_ns)),
        )

    async def events(self, *, work: int = 0) -> list[Any]:
        """All events, each worked on for ``work`` nanoseconds."""
        taken = []
        async with self.guard as events:
            async for event in events:
                taken.append(event)
                await self.call.clock.sleep(work)
        return taken

    @property
    def attempt(self) -> ProviderAttempt:
        (attempt,) = (record for record in self.records if isinstance(record, ProviderAttempt))
        return attempt


async def never(call: Call) -> AsyncIterator[int]:
    await asyncio.Event().wait()
    yield 0


# ── events ───────────────────────────────────────────────────────────────────────────────────────


def test_events_pass_and_the_attempt_is_recorded_with_its_times() -> None:
    async def main() -> None:
        provider = Provider(300 * MS, 20 * MS)
        watched = Watched(provider)
        await watched.call.clock.sleep(0)
        assert await watched.events() == [0, 1]
        assert watched.attempt == ProviderAttempt(
            at_ns=320 * MS,
            turn=1,
            slot="llm",
            provider="openai",
            began_ns=0,
            first_event_ns=300 * MS,
            status="ok",
            busy_ns=320 * MS,
            model="gpt-6-luna",
            usage=(Usage(unit="tokens_out", amount=0),),
        )
        assert watched.began == [(0, 300 * MS)]
        assert provider.closed == 1

    run_on("simulated", main())


def test_a_provider_without_an_event_has_begun_nothing() -> None:
    async def main() -> None:
        watched = Watched(Provider())
        assert await watched.events() == []
        assert (watched.attempt.status, watched.attempt.first_event_ns, watched.began) == ("ok", None, [])

    run_on("simulated", main())


def test_leaving_early_closes_the_provider() -> None:
    async def main() -> None:
        provider = Provider(0, 0, 0)
        watched = Watched(provider)
        async with watched.guard as events:
            async for _ in events:
                break
        assert provider.closed == 1
        assert watched.attempt.status == "ok"

    run_on("simulated", main())


def test_an_iterator_that_cannot_be_closed_will_do() -> None:
    class Plain:
        def __aiter__(self) -> Plain:
            return self

        async def __anext__(self) -> int:
            raise StopAsyncIteration

    async def main() -> None:
        assert await Watched(lambda call: Plain()).events() == []

    run_on("simulated", main())


# ── deadlines ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("pauses", "at", "told"),
    [
        ((3 * SECOND,), 2 * SECOND, "no answer within 2s"),
        ((SECOND, 3 * SECOND), 2 * SECOND, "the answer stopped within 1s"),
        ((SECOND,) + (900 * MS,) * 9, 5 * SECOND, "the answer didn't end within 5s"),
    ],
)
def test_each_of_the_three_deadlines_ends_the_call(pauses: tuple[int, ...], at: int, told: str) -> None:
    async def main() -> None:
        provider = Provider(*pauses)
        watched = Watched(provider)
        with pytest.raises(ProviderError, match=told) as caught:
            await watched.events()
        assert (caught.value.kind, caught.value.retryable) == ("timeout", True)
        assert "stages.llm.timeout" in str(caught.value)
        assert watched.call.clock.now() == at
        assert provider.closed == 1
        assert watched.attempt.status == "failed"
        assert told in str(watched.attempt.error)

    run_on("simulated", main())


def test_an_answer_just_within_its_deadlines_is_fine() -> None:
    async def main() -> None:
        assert len(await Watched(Provider(1999 * MS, 999 * MS, 999 * MS, 999 * MS)).events()) == 4

    run_on("simulated", main())


def test_only_the_providers_own_time_counts_not_that_of_whoever_takes_its_events() -> None:
    async def main() -> None:
        watched = Watched(Provider(*[100 * MS] * 20))
        assert len(await watched.events(work=60 * SECOND)) == 20

    run_on("simulated", main())


def test_deadlines_stand_still_until_they_are_armed() -> None:
    async def main() -> None:
        watched = Watched(never, armed=False)
        watched.call.clock.call_at(60 * SECOND, watched.guard.arm)
        with pytest.raises(ProviderError, match="no answer within 2s"):
            await watched.events()
        assert watched.call.clock.now() == 62 * SECOND

    run_on("simulated", main())


def test_deadlines_can_be_armed_before_an_event_is_waited_for() -> None:
    async def main() -> None:
        watched = Watched(never, armed=False)
        watched.guard.arm()
        with pytest.raises(ProviderError, match="no answer"):
            await watched.events()
        assert watched.call.clock.now() == 2 * SECOND

    run_on("simulated", main())


def test_time_for_which_the_provider_waits_for_input_does_not_count() -> None:
    async def main() -> None:
        watched = Watched(never)
        clock, guard = watched.call.clock, watched.guard
        clock.call_at(1 * SECOND, guard.disarm)
        clock.call_at(100 * SECOND, guard.arm)
        clock.call_at(101 * SECOND, guard.disarm)
        clock.call_at(200 * SECOND, guard.arm)
        with pytest.raises(ProviderError, match="no answer within 2s"):
            await watched.events()
        assert clock.now() == 202 * SECOND

    run_on("simulated", main())


def test_the_total_adds_up_over_the_times_in_which_it_was_armed() -> None:
    async def main() -> None:
        watched = Watched(never, limits=Deadlines.model_validate({"first": "2s", "total": "4500ms"}))
        for number in range(10):
            watched.call.clock.call_at((10 * number + 1) * SECOND, watched.guard.disarm)
            watched.call.clock.call_at((10 * number + 10) * SECOND, watched.guard.arm)
        with pytest.raises(ProviderError, match=r"didn't end within 4\.5s"):
            await watched.events()
        assert watched.call.clock.now() == 40_500 * MS

    run_on("simulated", main())


def test_a_provider_that_gives_up_by_itself_has_timed_out_as_well() -> None:
    async def main() -> None:
        watched = Watched(Provider(0, error=TimeoutError("no answer within 5s; the job was abandoned")))
        with pytest.raises(ProviderError, match="the job was abandoned") as caught:
            await watched.events()
        assert caught.value.kind == "timeout"
        assert watched.attempt.status == "failed"

    run_on("simulated", main())


def test_no_timer_is_left_behind() -> None:
    async def main() -> int:
        watched = Watched(Provider(0))
        await watched.events()
        scheduled: list[asyncio.TimerHandle] = asyncio.get_running_loop()._scheduled  # type: ignore[attr-defined]
        return sum(not handle.cancelled() for handle in scheduled)

    assert run_on("simulated", main()) == 0


# ── failures and cancellation ────────────────────────────────────────────────────────────────────


def test_an_error_of_the_provider_passes_as_it_is() -> None:
    async def main() -> None:
        error = ProviderError("overloaded", provider="openai", kind="rate_limit", status=429)
        watched = Watched(Provider(0, error=error))
        with pytest.raises(ProviderError) as caught:
            await watched.events()
        assert caught.value is error
        assert (watched.attempt.status, watched.attempt.error) == ("failed", "openai: overloaded")

    run_on("simulated", main())


def test_what_fails_outside_of_the_provider_only_cut_the_call_off() -> None:
    async def main() -> None:
        provider = Provider(0, 0)
        watched = Watched(provider)

        async def work_that_fails() -> None:
            async with watched.guard as events:
                async for _ in events:
                    raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await work_that_fails()
        assert (watched.attempt.status, watched.attempt.error) == ("cancelled", None)
        assert provider.closed == 1

    run_on("simulated", main())


@pytest.mark.parametrize("work", [0, 10 * SECOND])
def test_a_call_that_is_cancelled_closes_the_provider_and_is_paid_for(work: int) -> None:
    """Whether the provider is waited for at that moment, or its event is being worked on."""

    async def main() -> None:
        provider = Provider(0, *[900 * MS] * 9, usage=3)
        watched = Watched(provider)
        task = asyncio.ensure_future(watched.events(work=work))
        await watched.call.clock.sleep(1000 * MS)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        assert provider.closed == 1
        assert (watched.attempt.status, watched.attempt.at_ns) == ("cancelled", 1000 * MS)
        (usage,) = watched.attempt.usage
        assert usage.amount == (3 if work else 6)

    run_on("simulated", main())


def test_no_task_is_left_behind_by_a_call_that_was_cut_off() -> None:
    async def main() -> None:
        task = asyncio.ensure_future(Watched(Provider(0, 0)).events(work=SECOND))
        await asyncio.sleep(0.1)
        task.cancel()
        await asyncio.wait([task])
        del task
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run_on("simulated", main())


# ── usage ────────────────────────────────────────────────────────────────────────────────────────


def test_an_attempt_tells_what_it_used_of_each_unit_and_whether_that_is_an_estimate() -> None:
    async def answer(call: Call) -> AsyncIterator[int]:
        call.add_usage("tokens_in", 7)
        call.add_usage("tokens_out", 2, estimated=True)
        yield 0

    async def main() -> None:
        watched = Watched(answer)
        await watched.events()
        assert watched.attempt.usage == (
            Usage(unit="tokens_in", amount=7),
            Usage(unit="tokens_out", amount=2, estimated=True),
        )
        assert watched.attempt.model == "gpt-6-luna"

    run_on("simulated", main())


def test_a_call_that_failed_is_paid_for() -> None:
    async def main() -> None:
        error = ProviderError("gone", provider="openai", kind="connection")
        watched = Watched(Provider(0, error=error, usage=5))
        with pytest.raises(ProviderError):
            await watched.events()
        assert [one.amount for one in watched.attempt.usage] == [5]

    run_on("simulated", main())


def test_usage_that_the_provider_adds_while_it_is_closed_counts() -> None:
    async def answer(call: Call) -> AsyncIterator[int]:
        try:
            yield 0
            yield 1
        finally:
            call.add_usage("tokens_out", 9)

    async def main() -> None:
        watched = Watched(answer)
        async with watched.guard as events:
            await anext(aiter(events))
        assert [one.amount for one in watched.attempt.usage] == [9]

    run_on("simulated", main())
