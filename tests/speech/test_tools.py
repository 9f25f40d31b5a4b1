import enum
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Annotated, Any, Literal

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from voicepipe.errors import ConfigError, ToolError, UsageError
from voicepipe.speech.tools import (
    ARGUMENTS_LIMIT,
    find_spec,
    result_text,
    tool,
    tool_spec,
    tools_by_name,
    unknown_tool,
)


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


@dataclass
class Place:
    room: int
    tags: list[str] = dataclass_field(default_factory=list)


class Guest(BaseModel):
    title: str
    age: int | None = None


@tool(side_effect=False, timeout="3s")
def find_slot(day: Literal["monday", "thursday"], count: int = 1) -> dict[str, str]:
    """Find a free slot.

    Args:
        day: The day of the week.
        count: How many.
    """
    return {"slot": f"{day} {count}"}


@tool
def everything(
    text: str,
    number: float,
    flag: bool,
    color: Color,
    place: Place,
    guest: Guest,
    names: list[str],
    prices: dict[str, int],
    limit: Annotated[int, Field(ge=1, description="From the field.")],
    note: Annotated[str | None, "From the annotation."] = None,
    *,
    copy: str = "a",
    schema: Annotated[int, Field(default=4)] = 4,
    when: date = date(2026, 11, 23),
) -> None:
    """Take everything.

    Args:
        limit: From the docstring.
        note: From the docstring.
        text: From the docstring.
    """


EVERYTHING = {
    "text": "x",
    "number": 1.5,
    "flag": True,
    "color": "red",
    "place": {"room": 1},
    "guest": {"title": "Dr"},
    "names": ["a"],
    "prices": {"a": 1},
    "limit": 1,
}


def refusal(spec_of: Callable[..., Any], arguments: str | dict[str, Any]) -> str:
    with pytest.raises(ToolError) as caught:
        tool_spec(spec_of).validate(arguments)
    return caught.value.message


def test_a_function_becomes_what_the_model_sees() -> None:
    spec = tool_spec(find_slot)
    assert (spec.name, spec.description) == ("find_slot", "Find a free slot.")
    assert (spec.side_effect, spec.timeout_s, spec.is_async) == (False, 3.0, False)
    assert spec.parameters == {
        "type": "object",
        "properties": {
            "day": {"type": "string", "enum": ["monday", "thursday"], "description": "The day of the week."},
            "count": {"type": "integer", "default": 1, "description": "How many."},
        },
        "required": ["day"],
        "additionalProperties": False,
    }


def test_the_decorated_function_stays_a_function() -> None:
    assert find_slot("monday", count=2) == {"slot": "monday 2"}
    assert tool_spec(find_slot).fn is find_slot


def test_defaults_of_the_decorator() -> None:
    @tool
    async def wave() -> None:
        pass

    spec = tool_spec(wave)
    assert (spec.side_effect, spec.timeout_s, spec.is_async, spec.description) == (True, 10.0, True, "")
    assert spec.parameters == {
        "type": "object",
        "properties": {},
        "required": [],
        "additionalProperties": False,
    }


def test_name_and_description_can_be_given() -> None:
    @tool(name="find-slot", description="Finds.", timeout=2)
    def fn() -> None:
        """Not this."""

    spec = tool_spec(fn)
    assert (spec.name, spec.description, spec.timeout_s) == ("find-slot", "Finds.", 2.0)


def test_every_kind_of_type_has_a_valid_schema_that_accepts_what_validation_accepts() -> None:
    schema = tool_spec(everything).parameters
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(EVERYTHING, schema, cls=jsonschema.Draft202012Validator)
    assert tool_spec(everything).validate(EVERYTHING) == {
        **EVERYTHING,
        "color": Color.RED,
        "place": Place(room=1),
        "guest": Guest(title="Dr"),
        "note": None,
        "copy": "a",
        "schema": 4,
        "when": date(2026, 11, 23),
    }


def test_the_nearest_description_of_a_parameter_wins_and_titles_are_left_out() -> None:
    properties = tool_spec(everything).parameters["properties"]
    assert [properties[name].get("description") for name in ("limit", "note", "text", "flag")] == [
        "From the field.",
        "From the annotation.",
        "From the docstring.",
        None,
    ]
    assert '"title": "' not in json.dumps(tool_spec(everything).parameters)
    assert "title" in tool_spec(everything).parameters["$defs"]["Guest"]["properties"]


@pytest.mark.parametrize("arguments", ["", "  ", "{}", {}])
def test_no_arguments_may_be_written_in_any_way(arguments: str | dict[str, Any]) -> None:
    @tool
    def stop(now: bool = True) -> None: ...

    assert tool_spec(stop).validate(arguments) == {"now": True}


def test_numbers_and_text_are_converted_into_each_other() -> None:
    @tool
    def order(number: str, count: int) -> None: ...

    assert tool_spec(order).validate('{"number": 4711, "count": "2"}') == {"number": "4711", "count": 2}


def test_a_default_is_not_shared_between_calls() -> None:
    @tool
    def collect(items: list[int] = []) -> None: ...  # noqa: B006 - the trap itself

    tool_spec(collect).validate({})["items"].append(1)
    assert tool_spec(collect).validate({}) == {"items": []}


IT_TAKES = 'It takes: day (one of "monday", "thursday"), count (integer, optional).'


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ('{"day": ', "the arguments are not JSON: Expecting value at character 8"),
        ("[1]", "the arguments are [1], expected a JSON object"),
        ('"monday"', 'the arguments are "monday", expected a JSON object'),
        ("{}", "argument 'day' is missing"),
        ('{"dya": "monday"}', "there is no argument 'dya'. Did you mean 'day'?; argument 'day' is missing"),
        ('{"day": "monday", "x": 1}', "there is no argument 'x'"),
        ('{"day": "sunday"}', "argument 'day': Input should be 'monday' or 'thursday', found \"sunday\""),
        ('{"day": "monday", "count": "two"}', "argument 'count': Input should be a valid integer"),
        ("[" * 30_000 + "]" * 30_000, "a nesting beyond all bounds"),
        ('{"count": ' + "1" * 5000 + "}", "a number or a nesting beyond all bounds"),
        (" " * (ARGUMENTS_LIMIT + 1), f"the arguments are longer than {ARGUMENTS_LIMIT} characters"),
    ],
)  # fmt: skip
def test_wrong_arguments_are_refused_so_that_the_model_can_correct_them(arguments: str, message: str) -> None:
    refused = refusal(find_slot, arguments)
    assert refused.startswith("find_slot was not called: ")
    assert message in refused
    assert refused.endswith(IT_TAKES)


def test_a_refusal_names_the_place_inside_a_value_and_is_bounded() -> None:
    assert "argument 'place.room'" in refusal(everything, {**EVERYTHING, "place": {"room": "x" * 5000}})
    assert len(refusal(everything, {f"a{number}" * 500: number for number in range(100)})) <= 2000


def test_infinity_and_nan_are_no_numbers() -> None:
    @tool
    def wait(seconds: float) -> None: ...

    assert "finite number" in refusal(wait, '{"seconds": NaN}')
    assert "finite number" in refusal(wait, '{"seconds": 1e999}')


def no_type(day):  # type: ignore[no-untyped-def]  # what is tested
    return day


def many(*days: str) -> None: ...
def anything(**days: str) -> None: ...
def by_place(day: str, /) -> None: ...
def opaque(day: str, thing: "Unserializable") -> None: ...
def unknown_type(day: "Nowhere") -> None: ...  # type: ignore[name-defined]  # noqa: F821 - what is tested
def generator(day: str) -> Iterator[str]:
    yield day


class Unserializable:
    def find(self, day: str) -> str:
        return day

    def undecorated(self, day: str) -> str:
        return day


@pytest.mark.parametrize(
    ("fn", "problem"),
    [
        (no_type, "tool no_type(): parameter 'day' has no type"),
        (many, "tool many(): parameter 'days' takes any number of arguments"),
        (anything, "tool anything(): parameter 'days' takes arguments of any name"),
        (by_place, "tool by_place(): parameter 'day' is positional-only"),
        (opaque, "tool opaque(): parameter 'thing' has a type without a JSON schema"),
        (unknown_type, "tool unknown_type(): its annotations can't be evaluated: name 'Nowhere'"),
        (generator, "tool generator(): it yields"),
        (lambda: 1, "tool <lambda>(): a lambda has no name"),
        (Unserializable.find, "tool find(): parameter 'self' has no type"),
    ],
)
def test_a_signature_that_a_model_cannot_fill_in_is_an_error_with_its_place(
    fn: Callable[..., Any], problem: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        tool(fn)
    assert caught.value.message.startswith(problem)
    assert caught.value.path == __file__
    assert caught.value.line == fn.__code__.co_firstlineno


@pytest.mark.parametrize("thing", ["find_slot", len, Unserializable, partial(find_slot, "monday"), None])
def test_what_is_no_function_is_refused(thing: Any) -> None:
    with pytest.raises(UsageError, match="a tool is a Python function"):
        tool_spec(thing)


def test_a_name_in_place_of_the_function_gets_the_hint() -> None:
    with pytest.raises(UsageError, match=r"Write '@tool' or '@tool\(name=...\)'"):
        tool("find_slot")  # type: ignore[type-var]


def test_a_method_of_an_object_can_be_a_tool_but_is_not_marked() -> None:
    method = Unserializable().find
    assert tool_spec(method).validate({"day": "x"}) == {"day": "x"}
    with pytest.raises(UsageError, match=r"tools=\[thing.method\]"):
        tool(method)


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf"), "3", "soon", "0s"])
def test_a_timeout_has_to_be_a_time(timeout: Any) -> None:
    with pytest.raises(UsageError, match=r"@tool\(timeout="):
        tool(timeout=timeout)(find_slot)


@pytest.mark.parametrize("name", ["", "find slot", "ä", "x" * 65])
def test_a_name_has_to_be_one_that_models_accept(name: str) -> None:
    def fn() -> None: ...

    with pytest.raises(ConfigError, match="can't be a tool's name"):
        tool(name=name)(fn)


def test_two_tools_of_one_name_are_an_error_but_the_same_one_twice_is_not() -> None:
    @tool(name="find_slot")
    def other() -> None: ...

    spec = tool_spec(find_slot)
    assert list(tools_by_name([spec, tool_spec(everything), spec])) == ["find_slot", "everything"]
    with pytest.raises(ConfigError, match="two tools named 'find_slot'"):
        tools_by_name([spec, tool_spec(other)])


def test_only_marked_functions_are_found() -> None:
    assert find_spec(find_slot) is tool_spec(find_slot)
    assert [find_spec(thing) for thing in (many, "x", None, tool_spec(find_slot))] == [None] * 4


def test_the_model_is_told_which_tools_there_are() -> None:
    assert unknown_tool("find_slto", ["find_slot", "end_call"]) == (
        "There is no tool named 'find_slto'. Did you mean 'find_slot'? The tools are: find_slot, end_call."
    )
    assert unknown_tool("x" * 1000, []) == f"There is no tool named '{'x' * 77}...'. The tools are: none."
    assert unknown_tool("x", map(str, range(30))).endswith("18, 19, ....")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("Thursday", "Thursday"),
        ("", ""),
        (None, "done"),
        (True, "true"),
        (3.5, "3.5"),
        (float("nan"), "null"),
        ({"a": [1, "ü"]}, '{"a":[1,"ü"]}'),
        ((1, 2), "[1,2]"),
        (Color.RED, '"red"'),
        (Place(room=1), '{"room":1,"tags":[]}'),
        (Guest(title="Dr"), '{"title":"Dr","age":null}'),
        (date(2026, 11, 23), '"2026-11-23"'),
        (Decimal("1.10"), '"1.10"'),
        ({1: "a"}, '{"1":"a"}'),
        ("\ud800", "?"),
    ],
)
def test_results_are_compact_text(value: Any, text: str) -> None:
    assert result_text(value) == text


def circle() -> list[Any]:
    inner: list[Any] = []
    inner.append(inner)
    return inner


@pytest.mark.parametrize(
    "value", [object(), {"a": object()}, {"a": b"\xff"}, iter([1]), (x for x in "ab"), circle(), ["\ud800"]]
)
def test_a_result_without_a_json_form_is_an_error(value: Any) -> None:
    with pytest.raises(ToolError, match=f"returned a {type(value).__name__} that has no JSON form"):
        result_text(value)


@given(st.text(), st.integers(128, 400))
def test_a_long_result_is_cut_with_a_note_and_never_exceeds_its_limit(text: str, limit: int) -> None:
    long = text * 40
    cut = result_text(long, limit)
    assert len(cut.encode()) <= limit
    if len(long.encode()) <= limit:
        assert cut == long
    else:
        shown, note = cut.split("... [cut: the result has ")
        assert long.startswith(shown)
        assert note.startswith(f"{len(long.encode())} bytes")


def test_a_limit_without_room_for_the_note_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 128"):
        result_text("x", 127)
