from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.support.workers import make_call, make_host
from voicepipe.core.clock import run_on
from voicepipe.core.units import MS
from voicepipe.errors import ProviderError
from voicepipe.providers.base import Message, TextDelta, ToolCall
from voicepipe.providers.sim_llm import SimLlm, SimLlmConfig, insert


def provider(*replies: Any, **fields: Any) -> SimLlm:
    if replies:
        fields["replies"] = list(replies)
    return SimLlm(SimLlmConfig.model_validate(fields), make_host())


def user(text: str) -> Message:
    return Message(role="user", text=text)


def assistant(text: str) -> Message:
    return Message(role="assistant", text=text)


def tool_round(*results: str) -> list[Message]:
    calls = tuple(ToolCall(id=str(n), name="tool", arguments="{}") for n in range(len(results)))
    answers = [Message(role="tool", text=text, tool_call_id=str(n)) for n, text in enumerate(results)]
    return [Message(role="assistant", text="", tool_calls=calls), *answers]


def answer(llm: SimLlm, *messages: Message) -> str:
    async def main() -> str:
        events = [event async for event in llm.generate(make_call(), messages, ())]
        assert all(isinstance(event, TextDelta) for event in events)
        return "".join(event.text for event in events if isinstance(event, TextDelta))

    return run_on("simulated", main())


def calls(llm: SimLlm, *messages: Message) -> list[tuple[str, str, Any]]:
    async def main() -> list[tuple[str, str, Any]]:
        events = [event async for event in llm.generate(make_call(), messages, ())]
        assert all(isinstance(event, ToolCall) for event in events)
        tools = [event for event in events if isinstance(event, ToolCall)]
        return [(call.id, call.name, json.loads(call.arguments)) for call in tools]

    return run_on("simulated", main())


def test_tokens_come_at_the_declared_times() -> None:
    async def main() -> list[tuple[int, str]]:
        llm, call = provider("Yes, of course.", first_token="200ms", per_token="20ms"), make_call()
        events = llm.generate(call, [user("Can you?")], ())
        return [
            (call.clock.now() // MS, event.text) async for event in events if isinstance(event, TextDelta)
        ]

    assert run_on("simulated", main()) == [(200, "Yes,"), (220, " of"), (240, " course.")]


@given(st.text().filter(lambda text: "{result" not in text))
def test_tokens_add_up_to_the_text(text: str) -> None:
    assert answer(provider(text), user("hello")) == text


def test_plain_replies_come_one_a_turn_and_then_again() -> None:
    llm = provider("one", "two")
    history: list[Message] = []
    said = []
    for n in range(3):
        history.append(user(f"turn {n}"))
        said.append(answer(llm, *history))
        history.append(assistant(said[-1]))
    assert said == ["one", "two", "one"]


def test_a_request_that_is_repeated_gets_the_same_reply() -> None:
    llm = provider("one", "two")
    assert [answer(llm, user("hello")) for _ in range(3)] == ["one"] * 3


def test_the_first_rule_that_fits_what_was_said_last_is_taken() -> None:
    llm = provider(
        {"when": "order", "say": "It is on its way."},
        {"when": r"\border \d+", "say": "never reached"},
        {"when": "weather", "say": "Rain."},
        "Pardon?",
    )
    assert answer(llm, user("the weather"), assistant("Rain."), user("my ORDER 17")) == "It is on its way."
    assert answer(llm, user("the weather")) == "Rain."
    assert answer(llm, user("the order"), assistant("It is on its way."), user("hm")) == "Pardon?"


def test_a_script_without_a_fitting_reply_says_so() -> None:
    with pytest.raises(ProviderError, match="no scripted reply fits 'hello'") as caught:
        answer(provider({"when": "order", "say": "…"}), user("hello"))
    assert caught.value.kind == "bad_request"
    assert not caught.value.retryable


def test_a_greeting_before_anybody_spoke_is_a_plain_reply() -> None:
    assert answer(provider("Hello!"), Message(role="system", text="Be brisk.")) == "Hello!"


def test_tools_are_called_first_and_their_result_is_spoken_then() -> None:
    llm = provider({"call": {"find_slot": {"day": "thursday"}, "weather": {}}, "say": "I have {result}."})
    assert calls(llm, user("Thursday?")) == [
        ("call_1_0", "find_slot", {"day": "thursday"}),
        ("call_1_1", "weather", {}),
    ]
    assert answer(llm, user("Thursday?"), *tool_round("10:30", "sun")) == "I have 10:30, sun."


def test_tool_calls_of_one_session_have_different_ids() -> None:
    llm = provider({"call": {"find_slot": {}}})
    assert [calls(llm, user("x"))[0][0] for _ in range(2)] == ["call_1_0", "call_2_0"]


def test_the_tool_is_called_again_in_the_next_turn() -> None:
    llm = provider({"call": {"find_slot": {}}})
    history = [user("x"), *tool_round("10:30"), assistant("10:30"), user("x")]
    assert [name for _, name, _ in calls(llm, *history)] == ["find_slot"]


def test_without_say_the_result_itself_is_spoken() -> None:
    assert answer(provider({"call": {"clock": {}}}), user("x"), *tool_round("noon")) == "noon"


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("at {result.slot}", "at Thursday 10:30"),
        ("{result.count} left", "3 left"),
        ("{result.nothing}", "{result.nothing}"),
        ("{other} {result.slot", "{other} {result.slot"),
    ],
)
def test_a_value_of_the_result_can_be_spoken(text: str, spoken: str) -> None:
    assert insert(['{"slot": "Thursday 10:30", "count": 3}', "not json", "[1]"], text) == spoken


def test_a_result_cannot_insert_another() -> None:
    assert insert(['{"a": "{result.b}", "b": "secret"}'], "{result.a}") == "{result.b}"


def test_a_token_is_a_word_and_cut_off_replies_cost_what_was_written() -> None:
    async def main() -> dict[Any, int]:
        call = make_call()
        messages = [Message(role="system", text="Be very brisk."), user("Hello there")]
        events = provider("one two three four").generate(call, messages, ())
        await anext(events)
        await anext(events)
        await events.aclose()
        return call.usage

    assert run_on("simulated", main()) == {("tokens_in", False): 5, ("tokens_out", False): 2}


def test_a_scripted_failure_cuts_the_reply() -> None:
    async def main() -> list[str]:
        events = provider("one two three", fail={"kind": "connection", "after": 2}).generate(
            make_call(), [user("hello")], ()
        )
        said = [(await anext(events)).text, (await anext(events)).text]
        with pytest.raises(ProviderError):
            await anext(events)
        return said

    assert run_on("simulated", main()) == ["one", " two"]


def test_a_pattern_that_does_not_compile_is_refused() -> None:
    with pytest.raises(ValidationError, match="expected a regular expression"):
        provider({"when": "(", "say": "x"})


def test_by_default_it_speaks_the_text_by_which_frameworks_are_compared() -> None:
    assert answer(provider(), user("hello")).startswith("Sure, I can help you with that order")
