from __future__ import annotations

import asyncio
from functools import wraps
from typing import Any

import pytest

from tests.support.call import Answers, Caller, Held
from tests.support.speaker import FakeSpeaker
from tests.support.stages import FakeLlm, settle
from tests.support.tones import tone
from voicepipe.core.calls import Call
from voicepipe.core.clock import Clock, run_on
from voicepipe.core.frames import EndOfText, Pcm, Text, UserTurn
from voicepipe.core.inbox import Inbox, Outlet
from voicepipe.core.messages import ToolCall
from voicepipe.core.records import BudgetExceeded, ToolFinished, TurnEnded
from voicepipe.core.units import MS, SECOND
from voicepipe.errors import AudioError
from voicepipe.runtime.cap import Cap
from voicepipe.runtime.farewell import GOODBYE
from voicepipe.runtime.notices import SpokenNotice
from voicepipe.runtime.tools import ToolSet
from voicepipe.speech.tools import tool, tool_spec
from voicepipe.stages.base import Agent, Deadlines, Stage, StageContext
from voicepipe.stages.llm import Llm, LlmConfig
from voicepipe.stages.turn import TurnConfig, TurnStage

LONGEST = 20 * SECOND
BYE = SpokenNotice("Time is up.", 24_000, tone(300, 24_000, 1.5))


async def waits_for_ever(caller: Caller) -> None:
    await caller.say("hello")
    await caller.silence(3600)


async def shrug() -> None:
    """Wait for ever, whoever cancels it."""
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            continue


class Shrugging(Stage):
    """A model's stage that hangs and doesn't let itself be cancelled."""

    kind = "llm"

    async def run(self, ctx: StageContext, inbox: Inbox[UserTurn], out: Outlet[Text | EndOfText]) -> None:
        await shrug()


class ShruggingTurn(TurnStage):
    """So does the one that ends a call."""

    @wraps(TurnStage.run)  # with its ports
    async def run(self, ctx: StageContext, inbox: Inbox[Any], out: Outlet[Any]) -> None:
        await shrug()


class DeafSpeaker(FakeSpeaker):
    """Takes no audio, and doesn't let itself be cancelled."""

    async def write(self, pcm: Pcm) -> None:
        await shrug()


class DeafCaller(Caller):
    async def run(self, out: Any, line: Any) -> None:
        await shrug()


class FailingCaller(Caller):
    async def run(self, out: Any, line: Any) -> None:
        try:
            await super().run(out, line)
        finally:
            raise AudioError("it can't be closed")


class FailingLlm(Llm):
    async def run(self, ctx: StageContext, inbox: Inbox[UserTurn], out: Outlet[Text | EndOfText]) -> None:
        try:
            await super().run(ctx, inbox, out)
        finally:
            raise AudioError("it can't be closed")


@tool(side_effect=True, timeout="60s")
async def book() -> str:
    """Take a minute."""
    await asyncio.Event().wait()
    return "booked"


def held(longest: int = LONGEST, **options: Any) -> Held:
    one = Held(["Hello ", "there."], notices={GOODBYE: BYE}, **options)
    one.session.limit(None, longest)
    return one


async def others() -> set[str]:
    await settle()
    return {task.get_name() for task in asyncio.all_tasks() - {asyncio.current_task()}}


def test_a_call_ends_with_a_goodbye_before_its_longest_time_is_over() -> None:
    async def main() -> None:
        one = held()
        await one.call(waits_for_ever)
        (told,) = one.of(BudgetExceeded)
        assert (told.budget, told.limit, told.action) == ("max_call", "20s", "hang_up")
        assert [turn.heard for turn in one.of(TurnEnded)] == ["Hello there.", "Time is up."]
        assert LONGEST - 5 * SECOND < one.session.clock.now() <= LONGEST
        assert await others() == set()

    run_on("simulated", main())


def test_a_call_that_is_over_before_is_left_alone() -> None:
    async def main() -> None:
        one = held()
        await one.call(lambda caller: caller.ask("hello"))
        assert one.of(BudgetExceeded) == []
        assert one.session.clock.now() < 6 * SECOND

    run_on("simulated", main())


def hanging(*what: str) -> tuple[Held, Caller]:
    """A call in which ``what`` hangs, whoever cancels it, and its caller."""
    clock = Clock()
    options: dict[str, Any] = {"clock": clock, "stages": {}}
    if "stage" in what:
        options["stages"]["llm"] = Shrugging(LlmConfig(), FakeLlm(nothing), Agent())
    if "turn" in what:
        options["stages"]["turn"] = ShruggingTurn(TurnConfig(), None, Agent())
    if "loudspeaker" in what:
        options["speaker"] = DeafSpeaker(clock)
    return held(**options), (DeafCaller if "caller" in what else Caller)(waits_for_ever)


@pytest.mark.parametrize("what", ["stage", "turn", "caller", "stage and turn and caller"])
def test_whatever_hangs_the_goodbye_is_heard_as_long_as_the_voice_works(what: str) -> None:
    """The call was broken off without it: it was waited for all stages to leave, which one of them didn't."""

    async def main() -> None:
        one, caller = hanging(*what.split(" and "))
        await one.session.run(caller, one.speaker)
        assert one.of(TurnEnded)[-1].heard == "Time is up."
        assert LONGEST - 5 * SECOND < one.session.clock.now() < LONGEST
        assert await others() == set()

    run_on("simulated", main())


@pytest.mark.parametrize("what", ["loudspeaker", "loudspeaker and stage", "loudspeaker and turn and caller"])
def test_a_voice_that_hangs_does_not_keep_a_call_alive_beyond_its_longest_time(what: str) -> None:
    async def main() -> None:
        one, caller = hanging(*what.split(" and "))
        await one.session.run(caller, one.speaker)
        assert one.session.clock.now() == LONGEST
        assert await others() == set()

    run_on("simulated", main())


async def nothing(call: Call, messages: Any, tools: Any) -> Any:
    await asyncio.Event().wait()
    yield


def test_a_provider_that_hangs_does_not_either_and_there_is_time_for_a_goodbye() -> None:
    async def main() -> None:
        patient = LlmConfig(timeout=Deadlines(first="10m", total="10m"))
        one = held(stages={"llm": Llm(patient, FakeLlm(nothing), Agent())})
        await one.call(waits_for_ever)
        assert one.of(TurnEnded)[-1].heard == "Time is up."
        assert one.session.clock.now() <= LONGEST

    run_on("simulated", main())


@pytest.mark.parametrize("what", ["line", "stage"])
def test_what_fails_as_it_leaves_is_raised_although_the_call_is_broken_off_while_a_tool_goes_on(
    what: str,
) -> None:
    """The tool was waited for, and then a bare ``CancelledError`` came in place of the error."""

    async def main() -> None:
        booking = Answers([ToolCall(id="1", name="book", arguments="{}")])
        llm = (FailingLlm if what == "stage" else Llm)(LlmConfig(), FakeLlm(booking), Agent())
        one = held(stages={"llm": llm}, tools=ToolSet(specs=(tool_spec(book),)))
        caller = (FailingCaller if what == "line" else Caller)(waits_for_ever)
        with pytest.raises(AudioError, match="it can't be closed"):
            await one.session.run(caller, one.speaker)
        assert [finished.error for finished in one.of(ToolFinished)] == [True]
        assert LONGEST - SECOND < one.session.clock.now() <= LONGEST
        assert await others() == set()

    run_on("simulated", main())


def test_whoever_leaves_the_call_ends_it_as_if_it_had_no_longest_time() -> None:
    async def main() -> None:
        one = held()
        task = asyncio.ensure_future(one.call(waits_for_ever))
        await one.session.clock.sleep(SECOND)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        assert await others() == set()

    run_on("simulated", main())


# ── alone ────────────────────────────────────────────────────────────────────────────────────────


def test_of_a_short_call_warning_and_cleaning_up_take_a_part() -> None:
    async def main() -> None:
        clock, marks = Clock(), []
        cap = Cap(clock, SECOND, goodbye_ns=60 * SECOND, warn=lambda: marks.append(clock.now() // MS))

        async def cleans_up() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                marks.append(clock.now() // MS)

        await cap.hold(cleans_up())
        assert marks == [625, 875]

    run_on("simulated", main())


def test_a_call_is_over_once_it_is_broken_off_even_if_it_fails_then() -> None:
    async def main() -> None:
        clock, over = Clock(), []
        cap = Cap(clock, SECOND, goodbye_ns=0, warn=lambda: over.append(cap.is_over))

        async def fails_as_it_cleans_up() -> None:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                over.append(cap.is_over)
                raise LookupError("gone") from None

        with pytest.raises(LookupError, match="gone"):
            await cap.hold(fails_as_it_cleans_up())
        assert over == [False, True]

    run_on("simulated", main())


def test_an_error_of_the_call_is_raised_and_no_timer_is_left() -> None:
    async def main() -> None:
        clock, warned = Clock(), []
        cap = Cap(clock, SECOND, goodbye_ns=0, warn=lambda: warned.append(True))

        async def fails() -> None:
            raise TimeoutError("its own")

        with pytest.raises(TimeoutError, match="its own"):
            await cap.hold(fails())
        await clock.sleep(2 * SECOND)
        assert warned == []

    run_on("simulated", main())
