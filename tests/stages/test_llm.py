from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from tests.support.stages import Bench, FakeLlm, FakeTools, settle
from voicepipe.core.calls import Call
from voicepipe.core.clock import run_on
from voicepipe.core.frames import Interrupt, ProviderBegan, Text, ToolWaiting, TurnFailed, UserTurn
from voicepipe.core.messages import Message, TextDelta, ToolCall, ToolOffer
from voicepipe.core.records import ProviderAttempt
from voicepipe.core.units import MS, SECOND
from voicepipe.errors import ProviderError
from voicepipe.stages.base import Agent
from voicepipe.stages.llm import Llm, LlmConfig

CALL = ToolCall(id="c1", name="find", arguments="{}")


class Script:
    """Answers each request with the next list of events; keeps what it was asked."""

    def __init__(self, *answers: Sequence[str | ToolCall | Exception], pause: int = 0) -> None:
        self.answers = list(answers)
        self.pause = pause
        self.asked: list[list[Message]] = []
        self.offered: list[list[str]] = []
        self.closed = 0

    async def __call__(
        self, call: Call, messages: Sequence[Message], tools: Sequence[ToolOffer]
    ) -> AsyncIterator[TextDelta | ToolCall]:
        self.asked.append(list(messages))
        self.offered.append([tool.name for tool in tools])
        call.add_usage("tokens_in", 10)
        try:
            for event in self.answers.pop(0):
                await call.clock.sleep(self.pause)
                if isinstance(event, Exception):
                    raise event
                call.add_usage("tokens_out", 1)
                yield event if isinstance(event, ToolCall) else TextDelta(text=event)
        finally:
            self.closed += 1


def bench(script: Script, *, tools: FakeTools | None = None, **config: Any) -> Bench:
    return Bench(Llm(LlmConfig(**config), FakeLlm(script), Agent()), tools=tools)


def spoken(frames: list[Any]) -> list[str]:
    return [frame.text if isinstance(frame, Text) else type(frame).__name__ for frame in frames]


async def replied(on: Bench, text: str = "hello") -> list[Any]:
    return await on.given(UserTurn(turn=on.live_turn(text), text=text))


def test_a_reply_goes_out_token_by_token_and_has_an_end() -> None:
    async def main() -> None:
        on = bench(Script(["Hi ", "there."]))
        sent = await replied(on)
        assert spoken(sent) == ["Hi ", "there.", "EndOfText"]
        assert {frame.turn for frame in sent} == {1}
        assert on.conversation.said(1) == "Hi there."

    run_on("simulated", main())


def test_the_model_is_asked_with_the_conversation_and_the_tools() -> None:
    async def main() -> None:
        script = Script(["Hi."])
        await replied(bench(script, tools=FakeTools(find="")))
        assert script.asked == [[Message(role="user", text="hello")]]
        assert script.offered == [["find"]]

    run_on("simulated", main())


def test_words_to_be_said_are_not_asked_for() -> None:
    async def main() -> None:
        script = Script()
        on = bench(script)
        sent = await on.given(UserTurn(turn=on.live_turn(""), text="", say="Oak Street Clinic."))
        assert spoken(sent) == ["Oak Street Clinic.", "EndOfText"]
        assert script.asked == []
        assert on.conversation.said(1) == "Oak Street Clinic."

    run_on("simulated", main())


def test_an_empty_reply_has_an_end_all_the_same() -> None:
    async def main() -> None:
        assert spoken(await replied(bench(Script([])))) == ["EndOfText"]
        assert spoken(await replied(bench(Script(["", ""])))) == ["EndOfText"]

    run_on("simulated", main())


# ── tools ────────────────────────────────────────────────────────────────────────────────────────


def test_a_tool_is_called_and_the_model_goes_on_with_its_result() -> None:
    async def main() -> None:
        script, tools = Script([CALL], ["At ten."]), FakeTools(find="10:30")
        sent = await replied(bench(script, tools=tools))
        assert spoken(sent) == ["At ten.", "EndOfText"]
        assert tools.calls == [CALL]
        assert script.asked[1][1:] == [
            Message(role="assistant", text="", tool_calls=(CALL,)),
            Message(role="tool", text="10:30", tool_call_id="c1"),
        ]

    run_on("simulated", main())


def test_what_is_said_before_a_tool_call_is_a_paragraph_of_its_own() -> None:
    """Else it would run into the answer, and the voice would wait for the rest of the sentence."""

    async def main() -> None:
        on = bench(Script(["Let me look", CALL], ["At ten."]), tools=FakeTools(find=""))
        assert spoken(await replied(on)) == ["Let me look", "\n", "At ten.", "EndOfText"]
        assert on.conversation.said(1) == "Let me look At ten."

    run_on("simulated", main())


def test_the_turn_stage_is_told_while_tools_are_waited_for() -> None:
    async def main() -> None:
        second = ToolCall(id="c2", name="book", arguments="{}")
        on = bench(Script([CALL, second], ["Done."]), tools=FakeTools(find="", book=""))
        await replied(on)
        waits = [report.on for report in on.reports if isinstance(report, ToolWaiting)]
        assert waits == [("find", "book"), ()]

    run_on("simulated", main())


def test_a_model_that_never_stops_calling_tools_is_stopped() -> None:
    async def main() -> None:
        on = bench(Script(*[[CALL]] * 9), tools=FakeTools(find=""), max_tool_rounds=3)
        sent = await replied(on)
        assert sent == []
        (failure,) = (report for report in on.reports if isinstance(report, TurnFailed))
        assert failure.error.kind == "protocol"
        assert "asked for tools 3 times" in str(failure.error)
        assert "max_tool_rounds" in str(failure.error)
        assert len(on.tools.calls) == 3

    run_on("simulated", main())


def test_a_tool_that_is_running_is_cancelled_with_its_turn() -> None:
    async def main() -> None:
        ended: list[str] = []

        async def never() -> str:
            try:
                await asyncio.Event().wait()
            finally:
                ended.append("cancelled")
            return ""

        on = bench(Script([CALL]), tools=FakeTools(find=never))
        async with on.running():
            await on.into.send(UserTurn(turn=on.live_turn(), text="hello"))
            await settle()
            on.turns.interrupt()
            await settle()
            assert ended == ["cancelled"]
        assert await on.sent() == []

    run_on("simulated", main())


# ── what goes wrong ──────────────────────────────────────────────────────────────────────────────


def test_a_model_that_fails_fails_the_turn_and_not_the_stage() -> None:
    async def main() -> None:
        error = ProviderError("overloaded", provider="fake-llm", kind="rate_limit")
        on = bench(Script(["Hi ", error], ["Fine."]))
        first, second = on.live_turn(), None
        async with on.running():
            await on.into.send(UserTurn(turn=first, text="hello"))
            await settle()
            second = on.live_turn()
            await on.into.send(UserTurn(turn=second, text="again"))
        (failure,) = (report for report in on.reports if isinstance(report, TurnFailed))
        assert (failure.turn, failure.stage, failure.error) == (first, "llm", error)
        assert spoken(await on.sent()) == ["Fine.", "EndOfText"]
        assert [attempt.status for attempt in on.of(ProviderAttempt)] == ["failed", "ok"]

    run_on("simulated", main())


def test_any_other_exception_ends_the_stage() -> None:
    async def main() -> None:
        on = bench(Script([ZeroDivisionError()]))
        with pytest.raises(ZeroDivisionError):
            await on.run_alone(UserTurn(turn=on.live_turn(), text="hello"))

    run_on("simulated", main())


def test_a_reply_whose_turn_dies_stops_at_once_and_is_paid_for() -> None:
    async def main() -> None:
        script = Script(["one ", "two ", "three ", "four"], pause=SECOND)
        on = bench(script)
        async with on.running():
            turn = on.live_turn()
            await on.into.send(UserTurn(turn=turn, text="hello"))
            await on.clock.sleep(2500 * MS)
            on.turns.interrupt()
            on.inbox.send_control(Interrupt(turn=turn))
            await settle()
            assert script.closed == 1
        assert on.conversation.said(turn) == "one two "[:-1]
        (attempt,) = on.of(ProviderAttempt)
        assert attempt.status == "cancelled"
        assert {used.unit: used.amount for used in attempt.usage} == {"tokens_in": 10, "tokens_out": 2}
        assert on.clock.now() == 2500 * MS

    run_on("simulated", main())


def test_the_first_token_is_reported() -> None:
    async def main() -> None:
        on = bench(Script(["Hi."], pause=200 * MS))
        await replied(on)
        (began,) = on.reports
        assert isinstance(began, ProviderBegan)
        assert (began.turn, began.stage, began.at_ns) == (1, "llm", 200 * MS)

    run_on("simulated", main())
