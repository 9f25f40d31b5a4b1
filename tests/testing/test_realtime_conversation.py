"""The conversation that the scripted server keeps: order, refusals, and what it costs."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicepipe.testing.realtime_conversation import Conversation, Item
from voicepipe.testing.realtime_wire import Refused


def message(text: str = "hi", role: str = "user", **fields: Any) -> dict[str, Any]:
    kind = "output_text" if role == "assistant" else "input_text"
    return {"type": "message", "role": role, "content": [{"type": kind, "text": text}], **fields}


def spoken(ms: float) -> Item:
    wire = {**message(role="assistant"), "id": "spoken"}
    wire["content"] = [{"type": "output_audio", "transcript": "Well, hello."}]
    return Item(wire, audio_ms=ms)


def order(conversation: Conversation) -> list[str]:
    return [item.id for item in conversation.items]


def test_items_stand_at_the_end_at_the_root_or_after_another() -> None:
    conversation = Conversation()
    assert conversation.create(message(id="a"), None)[1] is None
    assert conversation.create(message(id="c"), None)[1] == "a"
    assert conversation.create(message(id="b"), "a")[1] == "a"
    assert conversation.create(message(id="z"), "root")[1] is None
    assert order(conversation) == ["z", "a", "b", "c"]
    assert [conversation.before(item) for item in conversation.items] == [None, "z", "a", "b"]
    with pytest.raises(Refused, match="'nobody' does not exist"):
        conversation.create(message(), "nobody")


@pytest.mark.parametrize(
    ("wire", "text"),
    [
        (message(id="x" * 33), "maximum length 32"),
        (message(id="a"), "already exists"),
        ({**message(), "content": [{"type": "output_text", "text": "x"}]}, "input_text"),
        ({**message(role="assistant"), "content": [{"type": "input_text", "text": "x"}]}, "output_text"),
        ({"type": "function_call_output", "call_id": "call_9", "output": ""}, "'call_9' not found"),
    ],
)
def test_an_item_that_makes_no_sense_is_refused(wire: dict[str, Any], text: str) -> None:
    conversation = Conversation()
    conversation.create(message(id="a"), None)
    with pytest.raises(Refused, match=text):
        conversation.create(wire, None)
    assert order(conversation) == ["a"]


def test_the_result_of_a_call_needs_the_call() -> None:
    conversation = Conversation()
    conversation.create({"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"}, None)
    conversation.create({"type": "function_call_output", "call_id": "c1", "output": "42"}, None)
    assert len(conversation.items) == 2


def test_a_reply_is_cut_to_what_was_heard_and_loses_its_words() -> None:
    conversation = Conversation(items=[spoken(1000)])
    conversation.truncate("spoken", 0, 400)
    (item,) = conversation.items
    assert (item.audio_ms, item.wire["content"][0]["transcript"]) == (400, "")


@pytest.mark.parametrize(
    ("item_id", "index", "end", "text"),
    [
        ("nobody", 0, 1, "does not exist"),
        ("typed", 0, 0, "Only model output audio"),
        ("spoken", 1, 1, "content part 0"),
        ("spoken", 0, 1001, "1000ms is already shorter than 1001ms"),
        ("spoken", 0, -1, "already shorter than -1ms"),
    ],
)
def test_what_can_not_be_cut_is_refused(item_id: str, index: int, end: int, text: str) -> None:
    conversation = Conversation(items=[spoken(1000)])
    conversation.create(message(id="typed"), None)
    with pytest.raises(Refused, match=text):
        conversation.truncate(item_id, index, end)


def test_only_what_is_there_can_be_deleted() -> None:
    conversation = Conversation(items=[spoken(1000)])
    conversation.delete("spoken")
    with pytest.raises(Refused) as refused:
        conversation.delete("spoken")
    assert refused.value.error["code"] == "item_delete_invalid_item_id"


def test_sound_is_billed_by_its_length_and_words_by_their_number() -> None:
    conversation = Conversation(items=[spoken(1000)])
    conversation.create(message("four score and seven"), None)
    user = Item({**message(), "id": "u", "content": [{"type": "input_audio"}]}, audio_ms=1000)
    conversation.append(user)
    assert conversation.tokens() == (5, 20 + 10)


@given(st.lists(st.tuples(st.sampled_from("cad"), st.integers(0, 9)), max_size=30))
def test_ids_stay_unique_and_every_item_knows_the_one_before_it(steps: list[tuple[str, int]]) -> None:
    conversation = Conversation()
    for step, number in steps:
        known = order(conversation)
        other = known[number % len(known)] if known else None
        if step == "d" and other:
            conversation.delete(other)
        else:
            conversation.create(message(), other if step == "a" else None)
    ids = order(conversation)
    assert len(set(ids)) == len(ids)
    assert [conversation.before(item) for item in conversation.items] == [None, *ids][: len(ids)]
