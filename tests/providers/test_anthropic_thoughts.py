from __future__ import annotations

from typing import Any

from voicepipe.providers.anthropic_messages import messages_of
from voicepipe.providers.anthropic_thoughts import MOST_KEPT, Thoughts
from voicepipe.providers.base import Message, ToolCall

PROMPT = {"system": "Be brief."}
ASKED = [Message(role="user", text="What is the weather?")]
THOUGHT = {"type": "thinking", "thinking": "Hm.", "signature": "s"}


def _use(call_id: str) -> dict[str, Any]:
    return {"type": "tool_use", "id": call_id, "name": "weather", "input": {}}


def _called(*ids: str) -> list[Message]:
    """What the history holds of calls and their results."""
    calls = tuple(ToolCall(id=one, name="weather", arguments="{}") for one in ids)
    results = [Message(role="tool", text="sun", tool_call_id=one) for one in ids]
    return [Message(role="assistant", text="", tool_calls=calls), *results]


def _kept(*blocks: dict[str, Any], after: list[Message] = ASKED) -> Thoughts:
    thoughts = Thoughts()
    thoughts.keep({**PROMPT, "messages": messages_of(after)}, list(blocks))
    return thoughts


def _sent(thoughts: Thoughts, messages: list[Message], request: dict[str, Any] = PROMPT) -> list[str]:
    """The types of the blocks of the first message of the assistant."""
    wire = messages_of(messages, thoughts.recall(request, messages))
    return [block["type"] for block in wire[1]["content"]]


def test_a_message_with_calls_comes_back_as_it_was() -> None:
    thoughts = _kept(THOUGHT, {"type": "text", "text": "Wait."}, _use("a"), THOUGHT, _use("b"))
    expected = ["thinking", "text", "tool_use", "thinking", "tool_use"]
    assert _sent(thoughts, ASKED + _called("a", "b")) == expected
    assert _sent(thoughts, ASKED + _called("a", "b") + _called("c")) == expected


def test_an_empty_text_is_not_sent_back() -> None:
    thoughts = _kept(THOUGHT, {"type": "text", "text": ""}, _use("a"))
    assert _sent(thoughts, ASKED + _called("a")) == ["thinking", "tool_use"]


def test_once_the_caller_has_spoken_again_thoughts_are_left_out() -> None:
    after = [*_called("a"), Message(role="assistant", text="Sunny."), Message(role="user", text="And?")]
    assert _sent(_kept(THOUGHT, _use("a")), ASKED + after) == ["tool_use"]


def test_thoughts_that_other_words_led_to_are_left_out() -> None:
    """The API refuses them: they are valid only after the very messages that they came after."""
    thoughts = _kept(THOUGHT, _use("a"))
    reworded = [Message(role="user", text="What is the weather like?")]
    assert _sent(thoughts, reworded + _called("a")) == ["tool_use"]
    assert _sent(thoughts, ASKED + _called("a"), {"system": "Be kind."}) == ["tool_use"]
    assert _sent(thoughts, ASKED + _called("a"), {**PROMPT, "tools": []}) == ["tool_use"]


def test_thoughts_before_other_calls_are_left_out() -> None:
    assert _sent(_kept(THOUGHT, _use("a"), _use("b")), ASKED + _called("a")) == ["tool_use"]


def test_an_answer_without_thoughts_or_with_what_is_not_known_is_not_kept() -> None:
    assert _sent(_kept(_use("a")), ASKED + _called("a")) == ["tool_use"]
    new = {"type": "server_tool_use", "id": "x"}
    assert _sent(_kept(THOUGHT, new, _use("a")), ASKED + _called("a")) == ["tool_use"]


def test_only_so_many_are_kept() -> None:
    thoughts = Thoughts()
    for number in range(MOST_KEPT + 1):
        thoughts.keep({**PROMPT, "messages": messages_of(ASKED)}, [THOUGHT, _use(str(number))])
    assert _sent(thoughts, ASKED + _called("0")) == ["tool_use"]
    assert _sent(thoughts, ASKED + _called("1")) == ["thinking", "tool_use"]
