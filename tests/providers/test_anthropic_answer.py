from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.workers import make_call
from voicepipe.core.calls import Call
from voicepipe.core.clock import run_on
from voicepipe.errors import ProviderError
from voicepipe.providers.anthropic_answer import Answer
from voicepipe.providers.base import TextDelta, ToolCall
from voicepipe.providers.token_tally import TokenTally

OVER = SimpleNamespace(type="message_stop")


def _answer() -> tuple[Answer, Call]:
    async def main() -> Call:
        return make_call()

    call = run_on("simulated", main())
    return Answer("anthropic", TokenTally(call, 0)), call


def _event(kind: str, **fields: Any) -> Any:
    return SimpleNamespace(type=kind, **fields)


def _begin(index: int, kind: str, **fields: Any) -> Any:
    return _event("content_block_start", index=index, content_block=_event(kind, **fields))


def _delta(index: int, kind: str, **fields: Any) -> Any:
    return _event("content_block_delta", index=index, delta=_event(kind, **fields))


def _end(index: int) -> Any:
    return _event("content_block_stop", index=index)


def _taken(answer: Answer, *events: Any) -> list[Any]:
    return [piece for event in events for piece in answer.take(event)]


def test_blocks_may_be_interleaved() -> None:
    answer, _ = _answer()
    pieces = _taken(
        answer,
        _begin(0, "tool_use", id="a", name="one"),
        _begin(1, "tool_use", id="b", name="two"),
        _delta(1, "input_json_delta", partial_json='{"b"'),
        _delta(0, "input_json_delta", partial_json='{"a": 1}'),
        _end(0),
        _delta(1, "input_json_delta", partial_json=": 2}"),
        _end(1),
    )
    assert pieces == [
        ToolCall(id="a", name="one", arguments='{"a": 1}'),
        ToolCall(id="b", name="two", arguments='{"b": 2}'),
    ]
    assert [block["input"] for block in answer.blocks] == [{"a": 1}, {"b": 2}]


def test_text_that_a_block_begins_with_is_not_lost() -> None:
    answer, _ = _answer()
    assert _taken(answer, _begin(0, "text", text="Hel"), _delta(0, "text_delta", text="lo"), _end(0)) == [
        TextDelta(text="Hel"),
        TextDelta(text="lo"),
    ]
    assert answer.blocks == [{"type": "text", "text": "Hello"}]


def test_a_delta_of_another_kind_than_its_block_is_passed_over() -> None:
    answer, _ = _answer()
    events = (
        _begin(0, "thinking"),
        _delta(0, "text_delta", text="spoken?"),
        _delta(0, "citations_delta", citation="x"),
        _delta(7, "text_delta", text="of no block"),
        _end(0),
        _end(7),
    )
    assert _taken(answer, *events) == []
    assert answer.blocks == [{"type": "thinking", "thinking": "", "signature": ""}]


@pytest.mark.parametrize(
    "usage",
    [
        {"input_tokens": 20, "cache_read_input_tokens": None, "cache_creation_input_tokens": None},
        {"input_tokens": 20},
    ],
)
def test_usage_without_a_cache_is_all_input(usage: dict[str, Any]) -> None:
    answer, call = _answer()
    message = SimpleNamespace(usage=SimpleNamespace(**usage, output_tokens=1))
    _taken(answer, _event("message_start", message=message))
    assert call.usage == {("tokens_in", False): 20}


def test_what_the_end_tells_replaces_what_the_beginning_told() -> None:
    answer, call = _answer()
    begun = SimpleNamespace(input_tokens=20, cache_read_input_tokens=5, output_tokens=1)
    ended = SimpleNamespace(input_tokens=30, output_tokens=9)
    _taken(
        answer,
        _event("message_start", message=SimpleNamespace(usage=begun)),
        _event("message_delta", delta=SimpleNamespace(stop_reason="end_turn"), usage=ended),
    )
    assert call.usage == {
        ("tokens_in", False): 35,
        ("tokens_in_cached", False): 5,
        ("tokens_out", False): 9,
    }


def test_an_answer_is_whole_only_if_the_server_says_so() -> None:
    answer, _ = _answer()
    _taken(answer, _begin(0, "text", text="Half"))
    with pytest.raises(ProviderError) as caught:
        answer.finish()
    assert caught.value.kind == "connection"
    _taken(answer, OVER)
    answer.finish()


def test_thoughts_without_an_answer_say_what_to_do() -> None:
    answer, _ = _answer()
    _taken(answer, _event("message_delta", delta=SimpleNamespace(stop_reason="max_tokens")), OVER)
    with pytest.raises(ProviderError, match="raise max_tokens, or lower effort"):
        answer.finish()


things: Any = st.recursive(
    st.none() | st.integers(-2, 2) | st.text(max_size=4),
    lambda inner: st.dictionaries(
        st.sampled_from(
            (
                "type",
                "index",
                "delta",
                "content_block",
                "text",
                "name",
                "id",
                "usage",
                "input_tokens",
                "message",
            )
        ),
        inner,
        max_size=4,
    ).map(lambda fields: SimpleNamespace(**fields)),
    max_leaves=8,
)
kinds = st.sampled_from(
    (
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "x",
    )
)


@given(st.lists(st.tuples(kinds, things, things, things), max_size=8))
def test_whatever_comes_is_text_a_call_or_a_provider_error(events: list[tuple[Any, ...]]) -> None:
    answer, call = _answer()
    made = [
        _event(
            kind, index=index if isinstance(index, int) else 0, delta=thing, content_block=thing, usage=other
        )
        for kind, index, thing, other in events
    ]
    try:
        pieces = _taken(answer, *made, OVER)
    except ProviderError:
        pieces = []
    assert all(isinstance(piece, TextDelta | ToolCall) for piece in pieces)
    assert all(amount >= 0 for amount in call.usage.values())
