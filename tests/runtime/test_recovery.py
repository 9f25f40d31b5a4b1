from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from tests.support.lineups import HANG, Calls, Scripted, failure
from voicepipe.core.calls import Call
from voicepipe.core.clock import run_on
from voicepipe.core.records import ProviderAttempt
from voicepipe.core.units import MS, SECOND
from voicepipe.errors import ProviderError, ProviderErrorKind, VoicepipeError
from voicepipe.runtime.guard import CLOSE_WITHIN
from voicepipe.runtime.outcome import let_go_of_frames
from voicepipe.runtime.recovery import RECOVER_WITHIN
from voicepipe.stages.base import Deadlines

PATIENT = Deadlines(first="1s", gap="1s", total="5s")  # type: ignore[arg-type]  # as the file says it


def never() -> bool:
    return False


# ── the same provider ────────────────────────────────────────────────────────────────────────────


def test_a_connection_that_breaks_is_made_anew_and_the_caller_of_the_call_sees_one_answer() -> None:
    async def main() -> None:
        calls = Calls(Scripted("a", [failure()], ["yes"]))
        assert await calls.ask() == "yes"
        assert calls.clock.now() == 20 * MS, "at once"
        assert calls.attempts == [("a", 1, "failed"), ("a", 2, "ok")]
        assert calls.reported() == ["Recovering", "Recovered"]
        assert [[used.amount for used in one.usage] for one in calls.bench.of(ProviderAttempt)] == [[1], [1]]

    run_on("simulated", main())


def test_after_the_last_attempt_the_last_error_is_raised() -> None:
    async def main() -> None:
        calls = Calls(Scripted("a", *[[failure()]] * 9))
        with pytest.raises(ProviderError, match="it failed"):
            await calls.ask()
        assert calls.attempts == [("a", 1, "failed"), ("a", 2, "failed"), ("a", 3, "failed")]
        assert 100 * MS <= calls.clock.now() - 30 * MS <= 200 * MS, "one wait"

    run_on("simulated", main())


@pytest.mark.parametrize("kind", ["authentication", "bad_request", "internal"])
def test_what_can_not_get_better_fails_at_once(kind: ProviderErrorKind) -> None:
    async def main() -> None:
        calls = Calls(Scripted("a", [failure(kind)]))
        with pytest.raises(ProviderError):
            await calls.ask()
        assert calls.attempts == [("a", 1, "failed")]
        assert calls.reported() == []

    run_on("simulated", main())


def test_nothing_is_asked_again_once_something_was_given() -> None:
    async def main() -> None:
        calls = Calls(Scripted("a", ["half", failure()]), Scripted("b"))
        with pytest.raises(ProviderError):
            await calls.ask()
        assert calls.attempts == [("a", 1, "failed")]

    run_on("simulated", main())


def test_what_was_given_and_not_used_is_given_again() -> None:
    async def main() -> None:
        calls = Calls(Scripted("a", ["half", failure()], ["whole"]))
        assert await calls.ask(used=never) == "whole"

    run_on("simulated", main())


def test_retries_end_with_the_budget_which_all_calls_share() -> None:
    async def main() -> None:
        calls = Calls(Scripted("a", *[[failure("timeout")]] * 200), budget=0)
        for _ in range(20):
            with pytest.raises(ProviderError):
                await calls.ask()
        assert len(calls.attempts) == 20 + 10

    run_on("simulated", main())


# ── the fallback ─────────────────────────────────────────────────────────────────────────────────


def test_a_missed_first_event_sends_the_same_request_to_the_fallback() -> None:
    async def main() -> None:
        primary, fallback = Scripted("a", [HANG]), Scripted("b", ["yes"])
        calls = Calls(primary, fallback, timeout=PATIENT)
        assert await calls.ask() == "yes"
        assert fallback.begun_ns == [SECOND], "not a moment after the deadline"
        assert fallback.asked == primary.asked
        assert calls.attempts == [("a", 1, "failed"), ("b", 2, "ok")]
        assert calls.switches == [("a", "b", "no answer within 1s")]
        assert primary.open == 0

    run_on("simulated", main())


def test_by_default_a_provider_that_can_be_replaced_has_three_seconds_and_the_last_one_ten() -> None:
    async def main() -> None:
        calls = Calls(Scripted("a", [HANG]), Scripted("b", [HANG]))
        with pytest.raises(ProviderError, match="no answer within 10s"):
            await calls.ask()
        assert calls.clock.now() == 13 * SECOND

    run_on("simulated", main())


@pytest.mark.parametrize(
    "kind", ["server", "rate_limit", "authentication", "bad_request", "protocol", "internal"]
)
def test_any_error_sends_it_there_without_a_wait(kind: ProviderErrorKind) -> None:
    async def main() -> None:
        calls = Calls(Scripted("a", [failure(kind)]), Scripted("b", ["yes"]))
        assert await calls.ask() == "yes"
        assert calls.clock.now() == 20 * MS
        assert calls.attempts == [("a", 1, "failed"), ("b", 2, "ok")]

    run_on("simulated", main())


def test_a_connection_is_tried_once_more_before_another_voice_speaks() -> None:
    async def main() -> None:
        calls = Calls(Scripted("a", [failure()], [failure()]), Scripted("b", ["yes"]))
        assert await calls.ask() == "yes"
        assert calls.attempts == [("a", 1, "failed"), ("a", 2, "failed"), ("b", 3, "ok")]

    run_on("simulated", main())


def test_the_next_call_goes_to_the_fallback_at_once_and_switches_nothing() -> None:
    async def main() -> None:
        primary = Scripted("a", [HANG])
        calls = Calls(primary, Scripted("b"), timeout=PATIENT)
        await calls.ask()
        begun = calls.clock.now()
        assert await calls.ask() == "b"
        assert calls.clock.now() == begun + 10 * MS
        assert len(primary.begun_ns) == 1
        assert len(calls.switches) == 1

    run_on("simulated", main())


def test_a_request_that_is_wrong_says_nothing_of_the_provider() -> None:
    async def main() -> None:
        calls = Calls(Scripted("a", [failure("bad_request")]), Scripted("b"))
        assert [await calls.ask(), await calls.ask()] == ["b", "a"]
        assert calls.switches == [("a", "b", "b answers again"), ("b", "a", "a answers again")]

    run_on("simulated", main())


def test_a_provider_that_breaks_off_after_it_was_used_is_not_asked_next_time() -> None:
    async def main() -> None:
        calls = Calls(Scripted("a", ["half", failure()]), Scripted("b"))
        with pytest.raises(ProviderError):
            await calls.ask()
        assert await calls.ask() == "b"

    run_on("simulated", main())


def test_when_all_have_failed_the_first_is_asked_as_a_last_resort_and_stays_if_it_answers() -> None:
    async def main() -> None:
        primary = Scripted("a", [failure("server")], ["back"])
        calls = Calls(primary, Scripted("b", ["b"], [failure("authentication")]))
        assert await calls.ask() == "b"
        assert await calls.ask() == "back"
        assert await calls.ask() == "a"
        assert [provider for provider, _, _ in calls.attempts] == ["a", "b", "b", "a", "a"]

    run_on("simulated", main())


def test_an_engine_that_finds_no_thread_to_work_in_is_replaced_too() -> None:
    class Threadless(Scripted):
        def generate(self, *_: Any) -> Any:
            async def fail() -> AsyncIterator[Any]:
                raise VoicepipeError("all 32 worker threads hang", hint="restart the process")
                yield

            return fail()

    async def main() -> None:
        calls = Calls(Threadless("a"), Scripted("b"))
        assert await calls.ask() == "b"
        assert calls.switches == [("a", "b", "all 32 worker threads hang")]
        alone = Calls(Threadless("a"))
        with pytest.raises(ProviderError, match="restart the process") as raised:
            await alone.ask()
        assert raised.value.kind == "internal"

    run_on("simulated", main())


def test_several_fallbacks_are_asked_in_their_order() -> None:
    async def main() -> None:
        broken = [failure("internal")]
        calls = Calls(Scripted("a", broken), Scripted("b", broken), Scripted("c"))
        assert await calls.ask() == "c"
        assert [provider for provider, _, _ in calls.attempts] == ["a", "b", "c"]

    run_on("simulated", main())


# ── time, and what is left ───────────────────────────────────────────────────────────────────────


def test_nothing_is_begun_that_would_come_too_late() -> None:
    async def main() -> None:
        slow = Deadlines(first="5s")  # type: ignore[arg-type]
        calls = Calls(*(Scripted(name, [HANG]) for name in "abcd"), timeout=slow)
        with pytest.raises(ProviderError):
            await calls.ask()
        assert [provider for provider, _, _ in calls.attempts] == ["a", "b", "c"]
        assert calls.clock.now() - 5 * SECOND > RECOVER_WITHIN

    run_on("simulated", main())


def test_an_attempt_that_does_not_come_to_its_end_holds_nobody_up() -> None:
    """A half-open connection can't be closed in good order."""

    async def main() -> None:
        primary, fallback = Scripted("a", [HANG], cleanup=3600 * SECOND), Scripted("b")
        calls = Calls(primary, fallback, timeout=PATIENT)
        assert await calls.ask() == "b"
        assert fallback.begun_ns == [SECOND + CLOSE_WITHIN]
        assert calls.switches == [("a", "b", "no answer within 1s")]

    run_on("simulated", main())


def test_a_slow_drip_is_cut_off_in_the_end() -> None:
    async def main() -> None:
        dripping = Scripted("a", [""] * 10_000)
        calls = Calls(dripping, timeout=Deadlines(first="1s", gap="1s", total="5s"))  # type: ignore[arg-type]
        with pytest.raises(ProviderError, match="didn't end within 5s"):
            await calls.ask()
        assert calls.clock.now() == 5 * SECOND

    run_on("simulated", main())


@pytest.mark.parametrize("at_ms", [5, 10, 15, 60, 150])
def test_a_call_that_is_cancelled_leaves_nothing_whatever_it_was_doing(at_ms: int) -> None:
    """In an attempt, between two, in the wait before the next one."""

    async def main() -> None:
        primary = Scripted("a", *[[failure("server")]] * 9)
        calls = Calls(primary)
        asking = asyncio.ensure_future(calls.ask())
        await calls.clock.sleep(at_ms * MS)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert primary.open == 0
        assert len(calls.attempts) == len(primary.begun_ns)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run_on("simulated", main())


def test_deadlines_stand_still_while_a_call_waits_for_its_input_also_after_a_retry() -> None:
    async def main() -> None:
        provider = Scripted("a", [HANG], [HANG])
        calls = Calls(provider, timeout=PATIENT)

        def begin(one: Scripted, call: object) -> object:
            return one.generate(call, [], [])  # type: ignore[arg-type]

        async with calls.bench.context.provider_call(begin, turn=None, armed=False) as events:  # type: ignore[arg-type]
            reading = asyncio.ensure_future(anext(aiter(events)))
            await calls.clock.sleep(60 * SECOND)
            assert not reading.done()
            events.arm()
            begun = calls.clock.now()
            with pytest.raises(ProviderError, match="no answer"):
                await reading
            assert calls.clock.now() == begun + 2 * SECOND, "a time-out is tried once more"

    run_on("simulated", main())


# ── what is left of a call ───────────────────────────────────────────────────────────────────────


class Heard:
    """What a stage works on meanwhile."""


async def reading(events: AsyncIterator[Any], heard: Heard, wait: Callable[[], None]) -> AsyncIterator[Any]:
    """What a provider makes of what it is given, as the stt stage gives it."""
    async for event in events:
        wait()
        yield event


@pytest.mark.parametrize("script", [[["yes"]], [[failure()], ["yes"]], [[failure("internal")]]])
def test_nothing_of_a_call_that_is_over_waits_for_the_collector(script: list[list[Any]]) -> None:
    held: list[weakref.ref[Any]] = []

    async def main() -> None:
        calls = Calls(Scripted("a", *script))

        async def ask() -> None:
            heard = Heard()

            def begin(provider: Any, call: Call) -> AsyncIterator[Any]:
                return reading(provider.generate(call, [], []), heard, lambda: events.disarm())

            async with calls.bench.context.provider_call(begin, turn=None) as events:
                held.extend((weakref.ref(heard), weakref.ref(events)))
                async for _ in events:
                    pass

        try:
            await ask()
        except ProviderError as error:
            let_go_of_frames(error)
        assert [one() for one in held] == [None, None]

    gc.disable()
    try:
        run_on("simulated", main())
    finally:
        gc.enable()
