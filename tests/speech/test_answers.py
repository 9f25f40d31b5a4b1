from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicepipe.speech.answers import argument, fill, parsed_result

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("In {city} it is {result.celsius} degrees.", "In Paris it is 21 degrees."),
        ("{result.place.street}", "Main Street"),
        ("{result.tags}", "red, 2, yes"),
        ("{result.open}", "no"),
        ("{result.zero}", "0"),
        ("no placeholder {}", "no placeholder {}"),
        ("{result.nothing}", None),
        ("{result.missing}", None),
        ("{result.place}", None),
        ("{result.rooms}", None),
        ("{city.name}", None),
        ("In {town}", None),
    ],
)
def test_a_template_is_filled_in_or_left_unsaid(template: str, said: str | None) -> None:
    result = {
        "celsius": 21,
        "place": {"street": "Main Street"},
        "tags": ["red", 2, True],
        "rooms": [{"name": "kitchen"}],
        "open": False,
        "zero": 0,
        "nothing": None,
    }
    assert fill(template, {"city": "Paris", "result": result}) == said


def test_what_is_filled_in_is_not_filled_in_again() -> None:
    assert fill("{a}", {"a": "{b}", "b": "secret"}) == "{b}"


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("{minutes}", 5),
        ("for {minutes}", "for 5"),
        ("plain", "plain"),
        (7, 7),
        (True, True),
        ({"deep": 1}, {"deep": 1}),
        ("{hours}", None),
        ("for {hours}", None),
    ],
)
def test_an_argument_keeps_its_slots_type_and_is_left_out_without_one(written: Any, value: Any) -> None:
    assert argument(written, {"minutes": 5}) == value


@pytest.mark.parametrize("text", ["done", "00042", "1e5", "true", "", "[[", "{not json", "[" * 8000])
def test_a_result_that_is_no_object_stays_the_text_that_it_is(text: str) -> None:
    assert parsed_result(text) == text


@given(st.dictionaries(st.text(), JSON) | st.lists(JSON))
def test_objects_and_arrays_are_read(value: Any) -> None:
    assert parsed_result(json.dumps(value)) == value


@given(st.text(), st.dictionaries(st.sampled_from(["a", "b", "result"]), JSON))
def test_any_template_is_filled_in_whole_or_not_at_all(template: str, values: dict[str, Any]) -> None:
    said = fill(template + "{a}", values)
    assert said is None or ("a" in values and values["a"] is not None)
