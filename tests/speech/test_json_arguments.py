from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicepipe.speech.arguments import Refused
from voicepipe.speech.json_arguments import BadSchema, BySchema, check_schema, without_patterns

FIND: dict[str, Any] = {
    "type": "object",
    "properties": {
        "day": {"enum": ["monday", "tuesday"]},
        "seats": {"type": "integer", "minimum": 1},
        "price": {"type": "number"},
        "outside": {"type": "boolean"},
        "name": {"type": "string", "maxLength": 5},
        "who": {"type": "object", "properties": {"age": {"type": "integer"}}, "additionalProperties": False},
    },
    "required": ["day"],
    "additionalProperties": False,
}


def refusal(schema: dict[str, Any], given: dict[str, Any], **options: Any) -> str:
    with pytest.raises(Refused) as refused:
        BySchema(schema, **options).checked(given)
    return str(refused.value)


def test_arguments_that_fit_are_taken_as_they_are() -> None:
    given = {"day": "monday", "seats": 2, "price": 1.5, "outside": True, "who": {"age": 3}}
    assert BySchema(FIND).checked(given) == given


def test_what_a_model_wrote_as_another_type_is_converted_where_it_can_only_mean_one_thing() -> None:
    given = {"day": "monday", "seats": "2", "price": "1.50", "outside": "True", "name": 47}
    assert BySchema(FIND).checked(given) == {
        **{"day": "monday", "seats": 2, "price": 1.5, "outside": True},
        "name": "47",
    }


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({}, "argument 'day' is missing"),
        ({"dya": "monday"}, "there is no argument 'dya'. Did you mean 'day'?; argument 'day' is missing"),
        ({"day": "sunday"}, "argument 'day': 'sunday' is not one of ['monday', 'tuesday']"),
        ({"day": "monday", "seats": "many"}, "argument 'seats': 'many' is not of type 'integer'"),
        ({"day": "monday", "seats": 0}, "argument 'seats': 0 is less than the minimum of 1"),
        ({"day": "monday", "who": {"agee": 1}}, "there is no argument 'who.agee'"),
        ({"day": "monday", "who": {"age": "x"}}, "argument 'who.age': 'x' is not of type 'integer'"),
    ],
)
def test_what_does_not_fit_is_told_by_its_name(given: dict[str, Any], problem: str) -> None:
    assert refusal(FIND, given) == problem


def test_a_refusal_has_an_end_however_much_is_wrong() -> None:
    wanted = [f"a{index}" for index in range(1000)]
    assert refusal({"type": "object", "required": wanted}, {}).count("is missing") == 8
    assert len(refusal(FIND, {"day": "x" * 100_000})) < 300


def test_properties_that_a_pattern_names_are_known() -> None:
    schema = {"patternProperties": {"^x-": {"type": "integer"}}, "additionalProperties": False}
    assert BySchema(schema).checked({"x-a": 1}) == {"x-a": 1}
    assert refusal(schema, {"x-a": 1, "y": 2}) == "there is no argument 'y'"


# ── schemas ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("schema", "problem", "path"),
    [
        ({"type": "objekt"}, "is not valid under any of the given schemas", ("type",)),
        ({"properties": {"a": {"type": 5}}}, "is not valid", ("properties", "a", "type")),
        ({"properties": {"a": {"minimum": "x"}}}, "is not of type 'number'", ("properties", "a", "minimum")),
        ({"$ref": "https://example.org/s.json"}, "refers to another document", ("$ref",)),
        ({"properties": {"a": {"$ref": "other.json"}}}, "another document", ("properties", "a", "$ref")),
        ({"items": [{"$ref": "file:///etc/passwd"}]}, "another document", ("items", 0, "$ref")),
        ({"properties": {"a": {"$ref": "#/$defs/b"}}}, "leads nowhere", ("properties", "a", "$ref")),
    ],
)
def test_what_is_no_schema_or_reaches_outside_of_it_is_refused_with_its_place(
    schema: dict[str, Any], problem: str, path: tuple[str | int, ...]
) -> None:
    with pytest.raises(BadSchema, match=problem) as bad:
        check_schema(schema)
    assert bad.value.path == path
    with pytest.raises(BadSchema):
        BySchema(schema)


def test_references_inside_a_schema_are_followed_and_arguments_may_be_called_like_keywords() -> None:
    schema = {
        "$defs": {"a/b": {"type": "integer"}},
        "properties": {"$ref": {"$ref": "#/$defs/a~1b"}, "pattern": {"type": "string"}},
    }
    assert BySchema(schema).checked({"$ref": 5, "pattern": "("}) == {"$ref": 5, "pattern": "("}
    assert "is not of type 'integer'" in refusal(schema, {"$ref": []})


def test_a_schema_that_refers_to_itself_for_ever_is_a_refusal_and_no_crash() -> None:
    assert "nested beyond all bounds" in refusal({"$ref": "#"}, {"a": 1})


def test_an_older_draft_that_a_schema_asks_for_is_applied() -> None:
    old = {"$schema": "http://json-schema.org/draft-04/schema#", "properties": {"a": {"minimum": 1}}}
    old["properties"]["a"]["exclusiveMinimum"] = True  # type: ignore[index]
    assert "less than or equal to" in refusal(old, {"a": 1})


def test_the_regular_expressions_of_a_stranger_are_not_applied_and_nothing_gets_stricter_by_it() -> None:
    endless = {"properties": {"a": {"type": "string", "pattern": "^(a+)+$"}}, "required": ["a"]}
    assert BySchema(endless, trusted=False).checked({"a": "a" * 60 + "!"}) == {"a": "a" * 60 + "!"}
    assert refusal(endless, {}, trusted=False) == "argument 'a' is missing"
    named = {"patternProperties": {"^(a+)+$": {}}, "additionalProperties": False}
    assert BySchema(named, trusted=False).checked({"b": 1}) == {"b": 1}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "properties", "pattern", "patternProperties", "enum", "a", "$defs", "items"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(json_values)
def test_taking_patterns_out_twice_is_taking_them_out_once_whatever_the_schema(schema: Any) -> None:
    before = json.dumps(schema)
    once = without_patterns(schema)
    assert without_patterns(once) == once
    assert json.dumps(schema) == before
