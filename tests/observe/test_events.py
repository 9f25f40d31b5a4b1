from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.happenings import AT, EXAMPLES, SEGMENT
from voicepipe.core.frames import Heard, StreamFrame, TurnFailed, TypedText, Upward
from voicepipe.core.masking import MASK
from voicepipe.core.records import (
    AttemptStatus,
    Failed,
    IgnoredReason,
    Tapped,
    ToolStarted,
    TurnStatus,
    UsageUnit,
)
from voicepipe.core.units import MS
from voicepipe.errors import ToolError
from voicepipe.observe.events import EVENTS, MAX_TEXT, event_fields, event_to_dict, plain
from voicepipe.speech.policy import State

DOCUMENT = Path(__file__).parents[2] / "docs" / "events.md"


def tool_started(arguments: Any) -> ToolStarted:
    return ToolStarted(at_ns=0, turn=1, call_id="c", name="t", arguments=arguments)


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: type(event).__name__)
def test_every_event_is_plain_json_with_its_name_and_fields(event: Any) -> None:
    line = event_to_dict(AT, event)
    assert json.loads(json.dumps(line, allow_nan=False)) == line
    assert list(line) == ["t_ms", "event", *event_fields(type(event))]
    assert (line["t_ms"], line["event"]) == (1500.0, type(event).__name__)


def test_there_is_an_example_of_every_event() -> None:
    assert {type(example) for example in EXAMPLES} == set(EVENTS)


def test_every_stream_frame_but_audio_and_every_upward_control_is_an_event() -> None:
    def leaves(kind: type[Any]) -> set[str]:
        children = {child for child in kind.__subclasses__() if child.__module__ == kind.__module__}
        return set().union(*map(leaves, children)) if children else {kind.__name__}

    # By name: a dataclass with slots is made twice, and the first make is still a subclass.
    missing = (leaves(StreamFrame) | leaves(Upward)) - {kind.__name__ for kind in EVENTS}
    assert missing == {"AudioIn"}


def test_times_are_milliseconds_with_all_their_digits() -> None:
    line = event_to_dict(1_234_567_891, Failed(at_ns=1_234_567_890, stage="stt", error=""))
    assert (line["t_ms"], line["at_ms"]) == (1234.567891, 1234.56789)


def test_an_error_is_its_text() -> None:
    failed = TurnFailed(turn=None, stage="llm", error=ToolError("no", hint="try again"), at_ns=0)
    assert event_to_dict(0, failed)["error"] == "no\n  try again"


def test_what_was_heard_is_told_in_milliseconds_and_words() -> None:
    half = Heard(turn=1, segment=SEGMENT, samples=16_000, final=False, at_ns=7 * MS)
    assert event_to_dict(7 * MS, half) == {
        "t_ms": 7.0,
        "event": "Heard",
        "at_ms": 7.0,
        "turn": 1,
        "segment": 0,
        "heard_ms": pytest.approx(666.667, abs=0.001),
        "text": "Thursday at",
        "final": False,
    }


def test_what_a_tap_gave_is_an_event_within_the_event() -> None:
    frame = TypedText(text="hello", at_ns=3 * MS)
    assert event_to_dict(4 * MS, Tapped(at_ns=4 * MS, slot="stt/second", frame=frame)) == {
        "t_ms": 4.0,
        "event": "Tapped",
        "at_ms": 4.0,
        "slot": "stt/second",
        "frame": {"event": "TypedText", "text": "hello", "at_ms": 3.0},
    }


def test_secrets_are_masked_wherever_they_stand() -> None:
    line = event_to_dict(0, tool_started({"key": ["x sk-1234 y"], "sk-1234": 1}), secrets={"sk-1234"})
    assert line["arguments"] == {"key": [f"x {MASK} y"], MASK: 1}


def test_texts_and_nesting_are_bounded() -> None:
    nested: Any = "x" * (MAX_TEXT + 1)
    for _ in range(500):
        nested = [nested]
    assert len(json.dumps(event_to_dict(0, tool_started({"a": nested})))) < 300
    assert len(plain("x" * (MAX_TEXT + 1))) == MAX_TEXT
    assert plain("x" * MAX_TEXT) == "x" * MAX_TEXT


JSON_LIKE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.just(SEGMENT),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner),
    max_leaves=20,
)


@given(JSON_LIKE)
def test_whatever_a_tool_is_called_with_can_be_written(arguments: Any) -> None:
    written = json.dumps(plain(arguments), allow_nan=False)
    assert plain(json.loads(written)) == json.loads(written)


def test_what_json_has_no_number_for_is_null() -> None:
    assert plain([math.nan, math.inf, 0.5]) == [None, None, 0.5]


# ── the document ─────────────────────────────────────────────────────────────────────────────────


def documented() -> dict[str, list[str]]:
    """Event → the fields in the first column of its table."""
    sections = re.split(r"^### `(\w+)`.*$", DOCUMENT.read_text(encoding="utf-8"), flags=re.M)
    return {
        name: re.findall(r"^\| `(\w+)` \|", text.split("\n## ")[0], flags=re.M)
        for name, text in zip(sections[1::2], sections[2::2], strict=True)
    }


def test_the_document_describes_every_event_with_all_its_fields_and_no_other() -> None:
    expected = {kind.__name__: event_fields(kind) for kind in EVENTS}
    expected |= {"LogBegan": ["format", "session", "clock"], "LogFull": []}
    assert documented() == expected


def test_the_document_names_every_state_unit_status_and_reason() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    choices = (UsageUnit, TurnStatus, AttemptStatus, IgnoredReason)
    words = [*State, *(word for choice in choices for word in get_args(choice))]
    assert [word for word in words if f"`{word}`" not in text] == []
