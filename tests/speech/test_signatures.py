from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Optional

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from voicepipe.errors import ConfigError, UsageError
from voicepipe.speech.signatures import read_signature


class Guest(BaseModel):
    """Somebody who comes."""

    title: str
    age: int | None = None


@dataclass
class Room:
    number: int


def book(
    day: Literal["monday", "thursday"],
    guests: list[Guest],
    room: Room | None = None,
    *,
    nights: Annotated[int, Field(ge=1, le=30, description="How many nights.")] = 1,
    note: Annotated[str, "What else there is to know."] = "",
) -> str:
    """Book a room.

    Args:
        day: The day of arrival.
        guests: Who comes.
        nights: Not this: the field says it.
    """
    return ""


def schema_of(fn: Callable[..., Any]) -> dict[str, Any]:
    return read_signature(fn).schema


def problem(fn: Any) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        read_signature(fn)
    return caught.value


# ── the schema ───────────────────────────────────────────────────────────────────────────────────


def test_a_signature_is_a_closed_object_with_what_it_requires() -> None:
    schema = schema_of(book)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert (schema["type"], schema["required"], schema["additionalProperties"]) == (
        "object",
        ["day", "guests"],
        False,
    )
    assert list(schema["properties"]) == ["day", "guests", "room", "nights", "note"]


def test_the_description_nearest_to_the_parameter_wins() -> None:
    properties = schema_of(book)["properties"]
    assert {name: one.get("description") for name, one in properties.items()} == {
        "day": "The day of arrival.",
        "guests": "Who comes.",
        "room": None,
        "nights": "How many nights.",
        "note": "What else there is to know.",
    }
    assert read_signature(book).description == "Book a room."


def test_limits_literals_and_nested_models_reach_the_model() -> None:
    schema = schema_of(book)
    assert schema["properties"]["day"]["enum"] == ["monday", "thursday"]
    nights = schema["properties"]["nights"]
    assert (nights["minimum"], nights["maximum"], nights["default"]) == (1, 30, 1)
    assert set(schema["$defs"]) == {"Guest", "Room"}


def test_titles_are_left_out_but_not_parameters_and_values_that_are_called_so() -> None:
    def name(title: str, kind: Literal["title", "name"] = "title", guest: Optional[Guest] = None) -> None:  # noqa: UP045 - as older code writes it
        """Name it."""

    schema = schema_of(name)
    assert "title" not in schema
    assert "title" not in schema["properties"]["title"]
    assert schema["properties"]["kind"]["enum"] == ["title", "name"]
    assert "title" in schema["$defs"]["Guest"]["properties"]
    assert "title" not in schema["$defs"]["Guest"]


def test_a_function_without_parameters_takes_an_empty_object() -> None:
    def stop() -> None: ...

    assert schema_of(stop) == {
        "type": "object",
        "properties": {},
        "required": [],
        "additionalProperties": False,
    }
    assert read_signature(stop).description == ""


def test_a_default_without_a_json_form_is_kept_but_not_shown() -> None:
    def find(day: str, room: Room = Room(1), key: Any = object()) -> None: ...  # noqa: B008 - what is tested

    schema = schema_of(find)
    assert schema["required"] == ["day"]
    assert schema["properties"]["key"] == {}


# ── names ────────────────────────────────────────────────────────────────────────────────────────

RESERVED = ("copy", "schema", "json", "model_config", "model_fields", "_hidden", "__dunder", "dict", "class_")


@pytest.mark.parametrize("name", RESERVED)
def test_a_parameter_may_be_called_what_pydantic_keeps_for_itself(name: str) -> None:
    scope: dict[str, Any] = {}
    exec(f"def fn({name}: int): ...", scope)
    signature = read_signature(scope["fn"])
    assert list(signature.schema["properties"]) == [name]
    values = signature.model.model_validate({name: 7})
    assert {signature.names[field]: value for field, value in values} == {name: 7}


@given(st.lists(st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True), unique=True, max_size=6))
def test_any_names_come_back_as_they_are(names: list[str]) -> None:
    names = [f"{name}_" for name in names]  # no keyword ends so
    scope: dict[str, Any] = {}
    exec(f"def fn({', '.join(f'{name}: str' for name in names)}): ...", scope)
    signature = read_signature(scope["fn"])
    assert list(signature.names.values()) == names == signature.schema["required"]
    values = signature.model.model_validate({name: name.upper() for name in names})
    assert [value for _, value in values] == [name.upper() for name in names]


# ── what a model writes ──────────────────────────────────────────────────────────────────────────


def test_what_a_model_writes_becomes_the_types_of_the_parameters() -> None:
    signature = read_signature(book)
    values = signature.model.model_validate(
        {"day": "monday", "guests": [{"title": "Dr"}], "room": {"number": "3"}, "nights": "2", "note": 4}
    )
    assert {signature.names[field]: value for field, value in values} == {
        "day": "monday",
        "guests": [Guest(title="Dr")],
        "room": Room(3),
        "nights": 2,
        "note": "4",
    }


# ── what can't be a tool ─────────────────────────────────────────────────────────────────────────


def untyped(day):  # type: ignore[no-untyped-def]  # what is tested
    return day


def positional(day: str, /) -> None: ...
def various(*days: str) -> None: ...
def keywords(**days: str) -> None: ...
def callback(day: str, then: Callable[[], Nowhere]) -> None: ...  # type: ignore[name-defined]  # noqa: F821
def streaming(day: str) -> Any:
    yield day


async def async_streaming(day: str) -> Any:
    yield day


class Shop:
    def find(self, day: str) -> None: ...


@pytest.mark.parametrize(
    ("fn", "told"),
    [
        (untyped, "parameter 'day' has no type"),
        (positional, "parameter 'day' is positional-only"),
        (various, "parameter 'days' takes any number of arguments"),
        (keywords, "parameter 'days' takes arguments of any name"),
        (callback, "its annotations can't be evaluated: name 'Nowhere' is not defined"),
        (streaming, "it yields"),
        (async_streaming, "it yields"),
        (lambda: 1, "a lambda has no name"),
        (Shop.find, "parameter 'self' has no type"),
    ],
)
def test_what_a_model_cannot_fill_in_is_told_at_its_place_with_a_remedy(
    fn: Callable[..., Any], told: str
) -> None:
    error = problem(fn)
    assert error.message.startswith(f"tool {fn.__name__}(): {told}")
    assert (error.path, error.line) == (__file__, fn.__code__.co_firstlineno)
    assert error.hint or "evaluated" in told


def test_a_type_without_a_json_schema_is_told_by_its_parameter() -> None:
    def wait(for_: Shop) -> None: ...

    wait.__annotations__["for_"] = Shop
    error = problem(wait)
    assert "parameter 'for_' has a type without a JSON schema" in error.message
    assert error.hint is not None
    assert error.hint.startswith("Use str, int")


@pytest.mark.parametrize("thing", [Shop, print, "book", None, 3])
def test_what_is_no_python_function_is_a_usage_error(thing: Any) -> None:
    with pytest.raises(UsageError, match="a tool is a Python function, found"):
        read_signature(thing)


def test_a_method_of_an_object_has_no_self() -> None:
    assert schema_of(Shop().find)["required"] == ["day"]
