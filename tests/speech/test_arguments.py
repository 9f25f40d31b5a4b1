from __future__ import annotations

from typing import Any

import pytest

from voicepipe.speech.arguments import Refused, cut, outline, shown
from voicepipe.speech.tools import tool_spec


def book(day: str, seats: int = 2) -> str:
    """Book a table."""
    return f"{seats} on {day}"


def test_arguments_of_a_function_are_converted_and_completed() -> None:
    assert tool_spec(book).takes.checked({"day": 5, "seats": "4"}) == {"day": "5", "seats": 4}
    assert tool_spec(book).takes.checked({"day": "Monday"}) == {"day": "Monday", "seats": 2}


def test_a_wrong_name_is_told_before_the_missing_one_that_it_explains() -> None:
    with pytest.raises(Refused) as refused:
        tool_spec(book).takes.checked({"dya": "Monday"})
    assert str(refused.value) == "there is no argument 'dya'. Did you mean 'day'?; argument 'day' is missing"


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "string"}, "string"),
        ({"enum": ["a", 1]}, 'one of "a", 1'),
        ({"const": "x"}, '"x"'),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "integer or null"),
        ({"type": ["string", "null"]}, "string or null"),
        ({"type": "array", "items": {"type": "number"}}, "array of number"),
        ({"$ref": "#/$defs/Day"}, "Day"),
        ({}, "any"),
        (True, "any"),
    ],
)
def test_a_type_is_told_in_a_few_words(schema: Any, words: str) -> None:
    assert outline(schema) == words


def test_what_is_shown_of_a_value_has_an_end() -> None:
    assert shown(object()).startswith('"<object')
    assert len(shown("x" * 500)) == 80
    assert cut("abcdef", 5) == "ab..."
