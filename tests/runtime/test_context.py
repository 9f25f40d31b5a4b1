from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.stages import Bench, FakeLlm, settle
from voicepipe.core.calls import Call
from voicepipe.core.clock import run_on
from voicepipe.core.frames import ProviderBegan, TurnFailed
from voicepipe.core.records import ProviderAttempt
from voicepipe.core.units import SECOND
from voicepipe.errors import LinkClosed, ProviderError, ToolError, VoicepipeError
from voicepipe.stages.base import Agent
from voicepipe.stages.llm import Llm, LlmConfig


async def silent(*_: Any) -> AsyncIterator[str]:
    yield ""


def bench() -> Bench:
    config = LlmConfig.model_validate({"timeout": {"first": "1s"}})
    return Bench(Llm(config, FakeLlm(silent), Agent()))


def error(text: str = "gone") -> ProviderError:
    return ProviderError(text, provider="openai", kind="connection")


# ── the scope of a turn ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("raised", [error(), ToolError("no"), LinkClosed("left")])
def test_an_error_of_ours_never_leaves_the_turns_scope(raised: VoicepipeError) -> None:
    async def main() -> None:
        on = bench()
        async with on.context.turn(on.live_turn()):
            raise raised
        (report,) = on.reports
        assert isinstance(report, TurnFailed)
        assert (report.turn, report.stage, report.error) == (1, "llm", raised)

    run_on("simulated", main())


def test_any_other_exception_does() -> None:
    async def main() -> None:
        on = bench()
        with pytest.raises(ZeroDivisionError):
            async with on.context.turn(on.live_turn()):
                raise ZeroDivisionError
        assert on.reports == []

    run_on("simulated", main())


async def fail(with_error: Exception) -> None:
    raise with_error


def test_an_error_in_a_task_group_inside_of_it_is_reported_as_itself() -> None:
    async def main() -> None:
        on = bench()
        async with on.context.turn(on.live_turn()), asyncio.TaskGroup() as group:
            group.create_task(fail(error("first")))
            group.create_task(asyncio.sleep(10))
        assert [str(report.error) for report in on.reports] == ["openai: first"]

    run_on("simulated", main())


def test_an_error_beside_a_foreign_one_does_not_hide_it() -> None:
    async def main() -> None:
        on = bench()

        async def both() -> None:
            async with on.context.turn(on.live_turn()), asyncio.TaskGroup() as group:
                group.create_task(fail(error()))
                group.create_task(fail(ZeroDivisionError()))

        with pytest.raises(ExceptionGroup):
            await both()

    run_on("simulated", main())


def test_the_body_ends_with_its_turn() -> None:
    async def main() -> None:
        on = bench()
        turn = on.live_turn()
        on.clock.call_at(SECOND, on.turns.interrupt)
        async with on.context.turn(turn) as scope:
            await asyncio.Event().wait()
        assert scope.died
        assert on.clock.now() == SECOND
        assert on.reports == []

    run_on("simulated", main())


def test_the_body_of_a_dead_turn_does_not_get_beyond_its_first_wait() -> None:
    async def main() -> None:
        on = bench()
        turn = on.live_turn()
        on.turns.interrupt()
        reached = False
        async with on.context.turn(turn):
            await asyncio.sleep(0)
            reached = True
        assert not reached

    run_on("simulated", main())


# ── provider calls ───────────────────────────────────────────────────────────────────────────────


def test_a_provider_call_has_the_slots_deadlines_and_name() -> None:
    async def hanging(provider: Any, call: Call) -> AsyncIterator[str]:
        await asyncio.Event().wait()
        yield ""

    async def main() -> None:
        on = bench()
        async with on.context.turn(on.live_turn()), on.context.provider_call(hanging, turn=1) as events:
            async for _ in events:
                pass
        assert on.clock.now() == SECOND
        assert "stages.llm.timeout.first" in str(on.reports[0].error)
        (attempt,) = on.of(ProviderAttempt)
        assert (attempt.turn, attempt.slot, attempt.provider) == (1, "llm", "fake-llm")

    run_on("simulated", main())


def test_the_first_event_of_a_reply_is_reported_and_that_of_an_utterance_is_not() -> None:
    async def main() -> None:
        on = bench()
        for turn in (on.live_turn(), None):
            async with on.context.provider_call(silent, turn=turn) as events:
                async for _ in events:
                    pass
        assert [(type(report), report.turn) for report in on.reports] == [(ProviderBegan, 1)]

    run_on("simulated", main())


def test_a_provider_gets_the_session_its_turn_the_clock_and_the_workers() -> None:
    async def main() -> None:
        on = bench()
        calls: list[Call] = []

        async def keep(provider: Any, call: Call) -> AsyncIterator[str]:
            calls.append(call)
            yield ""

        async with on.context.provider_call(keep, turn=7) as events:
            async for _ in events:
                pass
        (call,) = calls
        assert (call.session, call.turn, call.clock, call.workers) == (
            "test",
            7,
            on.clock,
            on.context.workers,
        )

    run_on("simulated", main())


def test_a_call_whose_turn_dies_is_closed_before_the_scope_is_left() -> None:
    async def main() -> None:
        on = bench()
        steps: list[str] = []

        async def hanging(provider: Any, call: Call) -> AsyncIterator[str]:
            try:
                await asyncio.Event().wait()
                yield ""
            finally:
                await settle()
                steps.append("provider closed")

        turn = on.live_turn()
        on.clock.call_at(SECOND // 2, on.turns.interrupt)
        async with on.context.turn(turn), on.context.provider_call(hanging, turn=turn) as events:
            async for _ in events:
                pass
        steps.append("scope left")
        assert steps == ["provider closed", "scope left"]
        assert [attempt.status for attempt in on.of(ProviderAttempt)] == ["cancelled"]

    run_on("simulated", main())
