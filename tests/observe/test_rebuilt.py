from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.happenings import AT, EXAMPLES
from voicepipe.core.records import TurnBegan, TurnEnded
from voicepipe.observe.events import event_to_dict
from voicepipe.observe.rebuilt import BadEvent, rebuilt


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: type(event).__name__)
def test_every_event_comes_back_as_it_was_written(event: Any) -> None:
    line = json.loads(json.dumps(event_to_dict(AT, event)))
    again = rebuilt(line)
    assert type(again) is type(event)
    assert event_to_dict(AT, again) == line


@given(st.integers(0, 10**15), st.integers(0, 10**15))
def test_times_keep_every_nanosecond(at_ns: int, over_ns: int) -> None:
    event = TurnBegan(at_ns=at_ns, turn=1, user="", end_of_speech_ns=None, wait_over_ns=over_ns)
    again = rebuilt(json.loads(json.dumps(event_to_dict(0, event))))
    assert (again.at_ns, again.end_of_speech_ns, again.wait_over_ns) == (at_ns, None, over_ns)


def test_an_event_of_a_later_version_is_left_to_whoever_knows_it() -> None:
    assert rebuilt({"t_ms": 0, "event": "Hummed", "melody": "la"}) is None


def test_a_field_of_a_later_version_is_left_out_and_one_that_came_later_has_its_default() -> None:
    line = event_to_dict(AT, TurnEnded(at_ns=AT, turn=1, status="completed", said="a", heard="a"))
    del line["error"]
    assert rebuilt({**line, "mood": "good"}).error is None


LINE = {"t_ms": 1.0, "event": "TurnBegan", "at_ms": 1.0, "turn": 1, "user": "hi", "end_of_speech_ms": None}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (LINE, "'wait_over_ms' is missing"),
        ({**LINE, "wait_over_ms": "soon"}, "wait_over_ms: found 'soon', expected milliseconds"),
        ({**LINE, "wait_over_ms": True}, "wait_over_ms: found True, expected milliseconds"),
        ({**LINE, "wait_over_ms": None, "turn": "one"}, "turn: found 'one'; .*integer"),
        ({"event": "Heard", "at_ms": 1.0}, "'turn' is missing"),
        (
            {**{"event": "Heard", "at_ms": 1, "segment": 0, "heard_ms": 1}, "turn": 1, "text": 5, "final": 0},
            "5",
        ),
        ({"event": "Tapped", "at_ms": 1, "slot": "stt/b", "frame": "x"}, "frame: found 'x'"),
        (
            {"event": "TurnEnded", "at_ms": 1, "turn": 1, "status": "lost", "said": "", "heard": ""},
            "status: found 'lost'; .*'completed'",
        ),
    ],
)
def test_what_is_wrong_with_a_line_is_told_with_the_field_and_what_was_found(
    line: dict[str, Any], said: str
) -> None:
    with pytest.raises(BadEvent, match=said):
        rebuilt(line)


@given(
    st.sampled_from([event_to_dict(AT, event) for event in EXAMPLES]),
    st.data(),
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.lists(st.integers(), max_size=2),
)
def test_whatever_stands_in_a_line_it_is_an_event_or_one_clear_error(
    line: dict[str, Any], data: st.DataObject, value: Any
) -> None:
    field = data.draw(st.sampled_from([name for name in line if name not in ("t_ms", "event")] or ["turn"]))
    try:
        event_to_dict(AT, rebuilt({**line, field: value}))
    except BadEvent as error:
        assert str(error)  # noqa: PT017 - that it raises nothing else is what is tested
