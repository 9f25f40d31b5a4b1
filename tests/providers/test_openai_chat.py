from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicepipe.core.calls import Call
from voicepipe.core.clock import Clock, run_on
from voicepipe.errors import ProviderError
from voicepipe.providers.base import Message, ToolCall
from voicepipe.providers.openai_chat import PartialCalls, Tally, messages_of
from voicepipe.runtime.workers import InlineWorkers


def _fragment(
    index: int | None, id: str | None = None, name: str | None = None, arguments: Any = None
) -> Any:
    return SimpleNamespace(index=index, id=id, function=SimpleNamespace(name=name, arguments=arguments))


def _tally(request: dict[str, Any]) -> tuple[Tally, Call]:
    async def main() -> Call:
        return Call(session="s", turn=1, clock=Clock(), workers=InlineWorkers("simulated"))

    call = run_on("simulated", main())
    return Tally(call, request), call


@given(st.lists(st.lists(st.text(max_size=5), max_size=5), min_size=1, max_size=4), st.randoms())
def test_calls_are_put_together_however_their_fragments_are_interleaved(
    calls: list[list[str]], random: Any
) -> None:
    partial = PartialCalls("openai")
    for index in range(len(calls)):
        partial.add(_fragment(index, f"id{index}", f"tool{index}", ""))
    waiting = [(index, list(pieces)) for index, pieces in enumerate(calls)]
    while waiting := [entry for entry in waiting if entry[1]]:
        index, pieces = random.choice(waiting)
        assert partial.add(_fragment(index, None, None, pieces[0])) == len(pieces.pop(0))
    assert partial.complete() == [
        ToolCall(id=f"id{index}", name=f"tool{index}", arguments="".join(pieces) or "{}")
        for index, pieces in enumerate(calls)
    ]


@pytest.mark.parametrize("index", [None, 0])
def test_a_new_id_is_a_new_call_where_the_index_says_nothing(index: int | None) -> None:
    partial = PartialCalls("openai")
    partial.add(_fragment(index, "a", "one", '{"x": 1}'))
    partial.add(_fragment(index, "b", "two", "{"))
    partial.add(_fragment(index, None, None, "}"))
    assert [(call.id, call.name, call.arguments) for call in partial.complete()] == [
        ("a", "one", '{"x": 1}'),
        ("b", "two", "{}"),
    ]


def test_a_call_without_an_id_gets_one_of_its_own() -> None:
    partial = PartialCalls("openai")
    partial.add(_fragment(0, None, "one"))
    partial.add(_fragment(1, None, "two"))
    first, second = partial.complete()
    assert first.id != second.id
    assert first.id.startswith("call_")


def test_arguments_that_come_as_an_object_are_written_as_json() -> None:
    partial = PartialCalls("openai")
    partial.add(_fragment(0, "a", "one", {"city": "Paris"}))
    assert partial.complete()[0].arguments == '{"city": "Paris"}'


def test_fragments_of_an_odd_shape_make_no_call_that_could_be_run() -> None:
    partial = PartialCalls("openai")
    assert partial.add(7) == 0
    with pytest.raises(ProviderError, match="without naming it"):
        partial.complete()


def test_text_beside_tool_calls_is_kept() -> None:
    call = ToolCall(id="a", name="one", arguments="{}")
    wire = messages_of([Message(role="assistant", text="Let me look.", tool_calls=(call,))])
    assert wire[0]["content"] == "Let me look."


def test_the_servers_report_replaces_the_estimate() -> None:
    tally, call = _tally({"messages": [{"role": "user", "content": "x" * 400}]})
    tally.received = 40
    tally.report_usage(SimpleNamespace(prompt_tokens=90, completion_tokens=12, prompt_tokens_details=None))
    tally.close()
    assert call.usage == {("tokens_in", False): 90, ("tokens_out", False): 12}


def test_of_reports_that_grow_with_the_answer_the_last_one_counts() -> None:
    tally, call = _tally({"messages": []})
    for count in (1, 2, 3):
        tally.report_usage(SimpleNamespace(prompt_tokens=90, completion_tokens=count))
    tally.close()
    assert call.usage["tokens_out", False] == 3


@pytest.mark.parametrize(
    "usage", [None, SimpleNamespace(prompt_tokens=None, completion_tokens="3"), "seven", {}]
)
def test_a_report_that_says_nothing_leaves_the_estimate(usage: Any) -> None:
    tally, call = _tally({"messages": [{"role": "user", "content": "x" * 400}]})
    tally.received = 41
    tally.report_usage(usage)
    tally.close()
    assert call.usage["tokens_out", True] == 11
    assert 100 <= call.usage["tokens_in", True] <= 115


def test_a_request_that_was_refused_costs_nothing() -> None:
    tally, call = _tally({"messages": [{"role": "user", "content": "x"}]})
    tally.billed = False
    tally.close()
    assert call.usage == {}


def test_a_note_on_a_message_stands_in_front_of_what_was_said() -> None:
    message = Message(role="user", text="Wait.", note="(I interrupted you.)")
    assert messages_of([message]) == [{"role": "user", "content": "(I interrupted you.) Wait."}]
