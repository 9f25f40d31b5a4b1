from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.call import Caller, Held
from tests.support.stages import FakeLlm, settle
from voicepipe.core.clock import run_on
from voicepipe.core.frames import (
    EndOfText,
    Text,
    TurnFailed,
    UserTurn,
)
from voicepipe.core.inbox import Inbox, Outlet
from voicepipe.core.records import (
    TurnBegan,
    TurnEnded,
)
from voicepipe.core.units import MS, SECOND
from voicepipe.errors import AudioError, LinkClosed, ProviderError
from voicepipe.stages.base import Agent, Stage, StageContext
from voicepipe.stages.llm import Llm, LlmConfig

STORY = ["Once ", "upon ", "a ", "time ", "there ", "was ", "a ", "king ", "who ", "slept."]
STORY_TEXT = "".join(STORY)


async def ask_for_a_story(caller: Caller) -> None:
    await caller.ask("tell me a story")


# ── the end of a call ────────────────────────────────────────────────────────────────────────────


async def others() -> set[str]:
    """The names of all other tasks that are left."""
    await settle()
    return {task.get_name() for task in asyncio.all_tasks() - {asyncio.current_task()}}


def test_a_caller_who_leaves_in_the_middle_of_a_reply_has_heard_only_a_part() -> None:
    async def leaving(caller: Caller) -> None:
        await caller.say("tell me a story")
        await caller.silence(2)

    async def main() -> None:
        held = Held(STORY)
        await held.call(leaving)
        ((status, heard),) = held.turns()
        assert status == "interrupted"
        assert 1 <= len(heard.split()) <= 5
        assert await others() == set()

    run_on("simulated", main())


def test_hanging_up_ends_the_call_from_anywhere() -> None:
    async def main() -> None:
        held = Held(STORY)
        held.session.clock.call_at(2500 * MS, lambda: held.session.hang_up("enough"))
        await held.call(lambda caller: caller.ask("tell me a story", 1.0))
        assert [status for status, _ in held.turns()] == ["interrupted"]
        assert held.session.clock.now() < 2600 * MS
        assert await others() == set()

    run_on("simulated", main())


def test_a_call_may_be_hung_up_before_it_begins() -> None:
    async def main() -> None:
        held = Held(agent=Agent(greeting="Hello."))
        held.session.hang_up("never mind")
        await held.call(lambda caller: caller.silence(60))
        assert held.session.clock.now() < SECOND

    run_on("simulated", main())


def test_a_quiet_call_that_is_to_end_after_the_reply_ends_at_once() -> None:
    async def main() -> None:
        held = Held()
        held.session.clock.call_at(SECOND, lambda: held.session.hang_up_after_reply("nothing to say"))
        await held.call(lambda caller: caller.silence(60))
        assert held.session.clock.now() == pytest.approx(SECOND, abs=20 * MS)

    run_on("simulated", main())


@pytest.mark.parametrize("at_ms", [10, 1300, 1550, 2000])
def test_a_call_that_is_cancelled_leaves_no_task_behind_and_no_turn_without_an_end(at_ms: int) -> None:
    async def main() -> None:
        held = Held(STORY)
        task = asyncio.ensure_future(held.call(ask_for_a_story))
        await held.session.clock.sleep(at_ms * MS)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        assert await others() == set()
        assert len(held.of(TurnEnded)) == len(held.of(TurnBegan))

    run_on("simulated", main())


def test_a_loudspeaker_that_hangs_does_not_keep_the_call_alive() -> None:
    async def leaving(caller: Caller) -> None:
        await caller.say("tell me a story")
        await caller.silence(3)

    async def main() -> None:
        held = Held(STORY)
        held.speaker.broken = True
        await held.call(leaving)
        assert held.turns() == [("interrupted", "")]
        assert held.session.clock.now() < 6 * SECOND
        assert await others() == set()

    run_on("simulated", main())


# ── what goes wrong ──────────────────────────────────────────────────────────────────────────────


def test_a_model_that_fails_fails_its_turn_the_caller_is_told_and_the_call_goes_on() -> None:
    async def two(caller: Caller) -> None:
        await caller.ask("hello")
        await caller.ask("again")

    async def main() -> None:
        held = Held(["Hel", ProviderError("gone", provider="openai", kind="internal")], ["Hello."])
        await held.call(two)
        # The second of them is the notice.
        assert [turn.status for turn in held.of(TurnEnded)] == ["failed", "completed", "completed"]
        assert held.of(TurnEnded)[0].error == "openai: gone"
        (failed,) = held.of(TurnFailed)
        assert failed.error.__traceback__ is None, "it would hold all that was worked on"

    run_on("simulated", main())


def test_a_model_that_breaks_off_before_anything_was_heard_is_asked_the_same_once_more() -> None:
    async def main() -> None:
        gone = ProviderError("gone", provider="openai", kind="connection", retryable=True)
        held = Held(["Hel", gone], ["Hello."])
        await held.call(lambda caller: caller.ask("hello"))
        assert [(turn.status, turn.heard) for turn in held.of(TurnEnded)] == [
            ("discarded", ""),
            ("completed", "Hello."),
        ]
        first, second = held.model.asked
        assert first == second
        assert held.of(TurnFailed)[0].again

    run_on("simulated", main())


class Broken(Llm):
    async def run(self, ctx: StageContext, inbox: Inbox[UserTurn], out: Outlet[Text | EndOfText]) -> None:
        async for frame in inbox:
            if type(frame) is UserTurn:
                raise ZeroDivisionError("a bug")


class Deserter(Llm):
    async def run(self, ctx: StageContext, inbox: Inbox[UserTurn], out: Outlet[Text | EndOfText]) -> None:
        return


def llm(kind: type[Llm]) -> dict[str, Stage]:
    async def nobody(*_: Any) -> AsyncIterator[Any]:
        return
        yield

    return {"llm": kind(LlmConfig(), FakeLlm(nobody), Agent())}


def test_a_stage_that_raises_ends_the_call_with_that_exception_and_nothing_hangs() -> None:
    async def main() -> None:
        held = Held(stages=llm(Broken))
        with pytest.raises(ZeroDivisionError, match="a bug"):
            await held.call(ask_for_a_story)
        assert await others() == set()
        assert [turn.status for turn in held.of(TurnEnded)] == ["interrupted"]

    run_on("simulated", main())


def test_a_stage_that_leaves_early_ends_the_call_at_the_first_frame_that_is_sent_to_it() -> None:
    async def main() -> None:
        held = Held(stages=llm(Deserter))
        with pytest.raises(LinkClosed, match="'llm' has left the call, but a UserTurn was sent to it"):
            await held.call(ask_for_a_story)
        assert await others() == set()

    run_on("simulated", main())


def test_a_microphone_that_fails_ends_the_call_with_its_error() -> None:
    async def unplugged(caller: Caller) -> None:
        await caller.silence(1)
        raise AudioError("the microphone has gone")

    async def main() -> None:
        with pytest.raises(AudioError, match="the microphone has gone"):
            await Held().call(unplugged)
        assert await others() == set()

    run_on("simulated", main())


def test_one_call_that_ends_badly_does_not_touch_another() -> None:
    async def main() -> None:
        good, bad = Held(["Fine."]), Held(stages=llm(Broken))
        results = await asyncio.gather(  # noqa: TID251 - two calls side by side, one of which fails
            good.call(ask_for_a_story), bad.call(ask_for_a_story), return_exceptions=True
        )
        assert [type(result).__name__ for result in results] == ["NoneType", "ZeroDivisionError"]
        assert good.turns() == [("completed", "Fine.")]

    run_on("simulated", main())
