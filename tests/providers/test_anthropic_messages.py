from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicepipe.providers.anthropic_messages import messages_of, system_of
from voicepipe.providers.base import Message, ToolCall
from voicepipe.speech.conversation import Conversation
from voicepipe.testing.anthropic_server import problem_of


def _user(text: str, note: str = "") -> Message:
    return Message(role="user", text=text, note=note)


def _agent(text: str, *calls: ToolCall) -> Message:
    return Message(role="assistant", text=text, tool_calls=calls)


def _call(call_id: str, arguments: str = "{}") -> ToolCall:
    return ToolCall(id=call_id, name="weather", arguments=arguments)


def _result(call_id: str, text: str = "sun") -> Message:
    return Message(role="tool", text=text, tool_call_id=call_id)


def _said(wire: list[Any]) -> list[tuple[str, str]]:
    return [(one["role"], block["text"]) for one in wire for block in one["content"] if "text" in block]


def test_prompts_stand_apart() -> None:
    messages = [Message(role="system", text="Be brief."), _user("Hi."), Message(role="system", text="Now.")]
    assert system_of(messages) == "Be brief.\n\nNow."
    assert _said(messages_of(messages)) == [("user", "Hi.")]


def test_a_note_of_an_interruption_stands_in_front_of_what_was_said() -> None:
    wire = messages_of([_user("Hi."), _agent("Our hours"), _user("Wait.", note="(I interrupted you.)")])
    assert _said(wire)[-1] == ("user", "(I interrupted you.) Wait.")


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        ([], [("user", "(silence)")]),
        ([_agent("Hello?")], [("user", "(silence)"), ("assistant", "Hello?"), ("user", "(silence)")]),
        (
            [_agent("Clinic."), _user("Hi.")],
            [("user", "(silence)"), ("assistant", "Clinic."), ("user", "Hi.")],
        ),
        ([_user("Hi."), _user("Hello?")], [("user", "Hi."), ("user", "Hello?")]),
        ([_user("Hi."), _agent(" \n"), _user("Hello?")], [("user", "Hi."), ("user", "Hello?")]),
        ([_user("")], [("user", "(silence)")]),
    ],
)
def test_the_caller_comes_first_and_last_and_nobody_says_nothing(
    messages: list[Message], said: list[tuple[str, str]]
) -> None:
    wire = messages_of(messages)
    assert _said(wire) == said
    assert problem_of({"model": "m", "max_tokens": 1, "stream": True, "messages": wire}) is None


def test_results_come_first_in_the_callers_message_and_what_was_said_after_them() -> None:
    wire = messages_of(
        [_user("Hi."), _agent("", _call("a"), _call("b")), _result("a"), _result("b"), _user("And?")]
    )
    assert [block["type"] for block in wire[-1]["content"]] == ["tool_result", "tool_result", "text"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ('{"city": "Paris"}', {"city": "Paris"}),
        ('{"city": Par', {"INVALID_JSON": '{"city": Par'}),
        ("[1]", {"INVALID_JSON": "[1]"}),
        ("", {"INVALID_JSON": ""}),
    ],
)
def test_arguments_are_an_object_whatever_the_model_wrote(arguments: str, expected: Any) -> None:
    wire = messages_of([_user("Hi."), _agent("", _call("a", arguments)), _result("a")])
    assert wire[1]["content"][0]["input"] == expected


def test_the_id_that_another_vendor_gave_is_put_into_an_acceptable_form() -> None:
    wire = messages_of(
        [_user("Hi."), _agent("", _call("functions.weather:0")), _result("functions.weather:0")]
    )
    assert wire[1]["content"][0]["id"] == wire[2]["content"][0]["tool_use_id"] == "functions_weather_0"


words = st.text(max_size=8)


@st.composite
def conversations(draw: st.DrawFn) -> list[Message]:
    """A call as ``Conversation`` has it for a model: any turns, complete, interrupted, or under way."""
    conversation = Conversation(draw(words))
    turns = draw(st.integers(1, 4))
    for turn in range(turns):
        conversation.begin(turn, draw(words))
        conversation.commit(turn)
        for number in range(draw(st.integers(0, 2))):
            conversation.add_text(turn, draw(words))
            calls = [_call(f"{turn}.{number}.{one}", draw(words)) for one in range(draw(st.integers(1, 2)))]
            conversation.add_tool_calls(turn, calls)
            for call in calls:
                conversation.add_tool_result(turn, call.id, draw(words))
        if turn < turns - 1:
            conversation.add_text(turn, draw(words))
            conversation.finish(turn, completed=draw(st.booleans()))
    return conversation.messages(turns - 1)


@given(conversations())
def test_any_call_is_a_request_that_the_server_accepts(messages: list[Message]) -> None:
    body = {"model": "m", "max_tokens": 1, "stream": True, "messages": messages_of(messages)}
    assert problem_of(body) is None
