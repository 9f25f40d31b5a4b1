"""What the reply does while tools run, and before its turn is certain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tests.stages.test_llm import Script, spoken
from tests.support.stages import Bench, FakeLlm, FakeTools, settle
from voicepipe.core.clock import run_on
from voicepipe.core.frames import Text, UserTurn
from voicepipe.core.messages import Message, ToolCall
from voicepipe.core.turns import Turn
from voicepipe.core.units import SECOND
from voicepipe.stages.base import Agent, SayMeanwhile
from voicepipe.stages.llm import Llm, LlmConfig

CALL = ToolCall(id="c1", name="find", arguments="{}")


class Talkative(FakeTools):
    """Has something said during each round that may, and keeps what it was told."""

    def __init__(self, **results: Any) -> None:
        super().__init__(**results)
        self.asked: list[int] = []

    async def run(
        self, turn: Turn, calls: Sequence[ToolCall], *, asked_ns: int, say: SayMeanwhile | None = None
    ) -> list[Message]:
        self.asked.append(asked_ns)
        if say is not None:
            await say("Let me look.")
        return await super().run(turn, calls, asked_ns=asked_ns)


def bench(script: Script, tools: FakeTools, **options: Any) -> Bench:
    return Bench(Llm(LlmConfig(), FakeLlm(script), Agent()), tools=tools, **options)


async def replied(on: Bench) -> list[Any]:
    return await on.given(UserTurn(turn=on.live_turn(), text="hello"))


def test_what_is_said_meanwhile_is_a_paragraph_of_its_own_that_nobody_remembers() -> None:
    async def main() -> None:
        on = bench(Script([CALL], ["At ", "ten."]), Talkative(find="10:30"))
        sent = await replied(on)
        assert spoken(sent) == ["Let me look.\n", "At ", "ten.", "EndOfText"]
        assert [frame.in_history for frame in sent if isinstance(frame, Text)] == [False, True, True]
        assert on.conversation.said(1) == "At ten."

    run_on("simulated", main())


def test_where_the_model_has_said_something_itself_nothing_comes_on_top() -> None:
    async def main() -> None:
        on = bench(Script(["One ", "moment", CALL], ["At ten."]), Talkative(find=""))
        assert spoken(await replied(on)) == ["One ", "moment", "\n", "At ten.", "EndOfText"]

    run_on("simulated", main())


@pytest.mark.parametrize("text", ["", " ", "...", "\n"])
def test_a_model_that_wrote_no_words_has_said_nothing(text: str) -> None:
    async def main() -> None:
        on = bench(Script([text, CALL], ["At ten."]), Talkative(find=""))
        assert "Let me look.\n" in spoken(await replied(on))

    run_on("simulated", main())


def test_each_round_of_tools_is_a_wait_of_its_own() -> None:
    async def main() -> None:
        on = bench(Script(["Sure.", CALL], [CALL], ["At ten."]), Talkative(find=""))
        assert spoken(await replied(on)) == ["Sure.", "\n", "Let me look.\n", "At ten.", "EndOfText"]

    run_on("simulated", main())


def test_the_tools_are_told_when_the_model_was_asked() -> None:
    async def main() -> None:
        tools = Talkative(find="")
        await replied(bench(Script([CALL], [CALL], ["At ten."], pause=SECOND), tools))
        assert tools.asked == [0, SECOND]

    run_on("simulated", main())


def test_calls_of_one_reply_are_told_apart_whatever_the_model_calls_them() -> None:
    async def main() -> None:
        tools = FakeTools(find="")
        on = bench(Script([CALL, CALL], [CALL], ["Done."]), tools)
        await replied(on)
        assert [call.id for call in tools.calls] == ["c1", "c1-2", "c1-3"]
        answered = [m.tool_call_id for m in on.conversation.messages(1) if m.role == "tool"]
        assert answered == ["c1", "c1-2", "c1-3"]

    run_on("simulated", main())


# ── drafts ───────────────────────────────────────────────────────────────────────────────────────


async def draft(on: Bench) -> int:
    turn = on.turns.prepare()
    on.conversation.begin(turn, "hello")
    await on.into.send(UserTurn(turn=turn, text="hello"))
    await settle()
    return turn


def test_a_draft_is_written_ahead() -> None:
    async def main() -> None:
        script = Script(["Hi."])
        on = bench(script, FakeTools())
        async with on.running():
            await draft(on)
            assert spoken(await on.sent()) == ["Hi.", "EndOfText"]

    run_on("simulated", main())


@pytest.mark.parametrize("committed", [True, False])
def test_without_speculation_the_model_is_asked_at_the_commit(committed: bool) -> None:
    async def main() -> None:
        script = Script(["Hi."])
        on = bench(script, FakeTools(), speculates=False)
        async with on.running():
            turn = await draft(on)
            assert script.asked == []
            if committed:
                on.turns.commit()
                on.conversation.commit(turn)
            else:
                on.turns.discard()
            await settle()
            assert spoken(await on.sent()) == (["Hi.", "EndOfText"] if committed else [])
            assert len(script.asked) == committed

    run_on("simulated", main())
