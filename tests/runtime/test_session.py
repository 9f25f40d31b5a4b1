from __future__ import annotations

import pytest

from tests.support.call import RATE, WORD_MS, Caller, Held
from voicepipe.core.clock import run_on
from voicepipe.core.frames import (
    EndOfText,
    PlaybackStarted,
    Text,
)
from voicepipe.core.messages import Message, ToolCall
from voicepipe.core.records import (
    ProviderAttempt,
    ToolFinished,
    TurnBegan,
    TurnEnded,
)
from voicepipe.core.units import MS, SECOND
from voicepipe.runtime.tools import ToolSet
from voicepipe.speech.tools import tool_spec
from voicepipe.stages.base import Agent

STORY = ["Once ", "upon ", "a ", "time ", "there ", "was ", "a ", "king ", "who ", "slept."]
STORY_TEXT = "".join(STORY)


async def ask_for_a_story(caller: Caller) -> None:
    await caller.ask("tell me a story")


# ── the cascade ──────────────────────────────────────────────────────────────────────────────────


def test_a_question_is_answered() -> None:
    async def main() -> None:
        held = Held(["It ", "left ", "today."])
        await held.call(lambda caller: caller.ask("where is my order"))
        assert held.turns() == [("completed", "It left today.")]
        assert held.session.conversation.history == [
            Message(role="user", text="where is my order"),
            Message(role="assistant", text="It left today."),
        ]
        assert len(held.speaker.played()) == pytest.approx(3 * WORD_MS * RATE // 1000, abs=500)

    run_on("simulated", main())


def test_no_stage_waits_for_the_one_before_it_to_finish() -> None:
    async def main() -> None:
        held = Held(["Yes of course, ", *STORY])
        await held.call(ask_for_a_story)
        times = {type(event): at for at, event in reversed(held.events)}
        # 1 s of speech, 500 ms of silence, 20 ms to the first clause, 10 ms to its first audio
        assert times[TurnBegan] == pytest.approx(1500 * MS, abs=32 * MS)
        assert times[PlaybackStarted] - times[TurnBegan] == 30 * MS
        assert times[EndOfText] - times[TurnBegan] == 220 * MS

    run_on("simulated", main())


def test_several_turns_are_one_conversation() -> None:
    async def two(caller: Caller) -> None:
        await caller.ask("hello")
        await caller.ask("and goodbye")

    async def main() -> None:
        held = Held(["Hello."], ["Bye."])
        await held.call(two)
        assert held.turns() == [("completed", "Hello."), ("completed", "Bye.")]
        assert [message.text for message in held.model.asked[1]] == ["hello", "Hello.", "and goodbye"]

    run_on("simulated", main())


def test_the_agent_greets_and_is_idle_only_after_that() -> None:
    async def main() -> None:
        held = Held(agent=Agent(greeting="Oak Street Clinic.", prompt="Be brief."))
        assert held.session.idle_since is None
        await held.call(Caller.listen)
        assert held.turns() == [("completed", "Oak Street Clinic.")]
        assert held.model.asked == []

    run_on("simulated", main())


def test_a_typed_line_is_answered_aloud() -> None:
    async def typing(caller: Caller) -> None:
        await caller.type("hello")
        await caller.listen()

    async def main() -> None:
        held = Held(["Hello."])
        await held.call(typing)
        assert held.turns() == [("completed", "Hello.")]

    run_on("simulated", main())


def test_the_same_call_gives_the_same_events_each_time() -> None:
    async def main() -> list[str]:
        held = Held(STORY)
        await held.call(ask_for_a_story)
        return [f"{at} {type(event).__name__}" for at, event in held.events]

    assert run_on("simulated", main()) == run_on("simulated", main())


# ── tools ────────────────────────────────────────────────────────────────────────────────────────


def find_order(number: int) -> str:
    """Look an order up."""
    return f"order {number} has left"


def tool_call(name: str, arguments: str = "{}") -> ToolCall:
    return ToolCall(id="c1", name=name, arguments=arguments)


def test_a_tool_is_called_and_its_result_spoken() -> None:
    async def main() -> None:
        held = Held(
            ["One ", "moment.", tool_call("find_order", '{"number": 7}')],
            ["It ", "has ", "left."],
            tools=ToolSet(specs=(tool_spec(find_order),)),
        )
        await held.call(lambda caller: caller.ask("where is order seven"))
        assert held.turns() == [("completed", "One moment. It has left.")]
        assert [finished.result for finished in held.of(ToolFinished)] == ["order 7 has left"]
        assert held.model.asked[1][-1] == Message(role="tool", text="order 7 has left", tool_call_id="c1")

    run_on("simulated", main())


def test_the_model_can_end_the_call_and_is_heard_to_the_end() -> None:
    async def patient(caller: Caller) -> None:
        await caller.say("that was all, goodbye")
        await caller.silence(60)

    async def main() -> None:
        held = Held([tool_call("end_call")], ["Good ", "bye."], tools=ToolSet(builtins=("end_call",)))
        await held.call(patient)
        assert held.turns() == [("completed", "Good bye.")]
        assert held.session.clock.now() < 5 * SECOND

    run_on("simulated", main())


# ── interruption ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("after", [0.9, 1.5, 2.7])
def test_of_an_interrupted_reply_history_keeps_only_what_was_heard(after: float) -> None:
    async def interrupting(caller: Caller) -> None:
        await caller.say("tell me a story")
        await caller.silence(0.6 + after)
        await caller.ask("stop")

    async def main() -> None:
        held = Held(STORY, ["Sorry."])
        silent: list[int] = []
        held.session.observe(
            lambda at, event: (
                silent.append(len(held.speaker.played())) if isinstance(event, TurnEnded) else None
            )
        )
        await held.call(interrupting)
        (status, heard), last = held.turns()
        words = silent[0] / (WORD_MS * RATE / 1000)
        assert status == "interrupted"
        assert STORY_TEXT.startswith(heard)
        assert abs(len(heard.split()) - words) <= 0.5 + 0.1
        assert last == ("completed", "Sorry.")
        told = [message.text for message in held.model.asked[1]]
        assert told == ["tell me a story", heard, "stop"]
        assert len(held.speaker.played()) - silent[0] == pytest.approx(WORD_MS * RATE // 1000, abs=200)

    run_on("simulated", main())


def test_the_model_stops_writing_when_it_is_interrupted() -> None:
    async def interrupting(caller: Caller) -> None:
        await caller.say("tell me a story")
        await caller.silence(0.55)
        await caller.ask("stop")

    async def main() -> None:
        held = Held(["word "] * 1000, ["Sorry."])
        await held.call(interrupting)
        attempts = [attempt for attempt in held.of(ProviderAttempt) if attempt.slot == "llm"]
        assert [attempt.status for attempt in attempts] == ["cancelled", "ok"]
        assert len(held.of(Text)) < 50
        assert [[used.amount for used in attempt.usage] for attempt in attempts] == [[1], [1]]

    run_on("simulated", main())


def test_a_typed_turn_waits_for_what_was_heard_of_the_reply_that_it_replaces() -> None:
    async def typing(caller: Caller) -> None:
        await caller.say("tell me a story")
        await caller.silence(2.5)
        await caller.type("stop")
        await caller.listen()

    async def main() -> None:
        held = Held(STORY, ["Sorry."])
        await held.call(typing)
        (status, heard), last = held.turns()
        assert (status, last) == ("interrupted", ("completed", "Sorry."))
        assert 1 <= len(heard.split()) <= 6
        assert [message.text for message in held.model.asked[1]] == ["tell me a story", heard, "stop"]

    run_on("simulated", main())
