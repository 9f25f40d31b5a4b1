from __future__ import annotations

import contextlib
import re
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter, ValidationError

from voicepipe.core.units import (
    DURATION_PATTERN,
    MOST_USD,
    MS,
    SECOND,
    Duration,
    Usd,
    format_duration,
    parse_duration,
    parse_usd,
)

YEAR = 366 * 86_400 * SECOND


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("300ms", 300 * MS),
        ("1.5s", 1500 * MS),
        ("2s", 2 * SECOND),
        ("10m", 600 * SECOND),
        ("24h", 86_400 * SECOND),
        ("30d", 30 * 86_400 * SECOND),
        ("0s", 0),
        ("0.000001ms", 1),
        ("0.1s", 100 * MS),
        (" 20 ms ", 20 * MS),
    ],
)
def test_a_duration_is_read_to_the_nanosecond(text: str, nanoseconds: int) -> None:
    assert parse_duration(text) == nanoseconds


@pytest.mark.parametrize("number", [300, 1.5, 0, -1])
def test_a_bare_number_is_an_error_that_shows_the_units(number: float) -> None:
    with pytest.raises(ValueError, match=f"needs a unit: {number} could be '{number}ms' or '{number}s'"):
        parse_duration(number)


@pytest.mark.parametrize(
    "value",
    [
        *["", "ms", "300", "300 µs", "1,5s", "-2s", "+2s", "1e3s", "1.s", ".5s", "2s 300ms", "٣s"],
        *["9" * 400 + "s", True, None, ["2s"], {"s": 2}],
    ],
)
def test_what_is_no_duration_is_an_error_that_shows_one(value: Any) -> None:
    with pytest.raises(ValueError, match="expected a duration such as '300ms'"):
        parse_duration(value)


@given(st.text(alphabet="0123456789. mshde-", max_size=14))
def test_any_text_is_a_duration_or_a_value_error(text: str) -> None:
    found: int | None = None
    with contextlib.suppress(ValueError):
        found = parse_duration(text)
    assert (found is not None) == bool(re.search(DURATION_PATTERN, text.strip()))
    assert found is None or found >= 0


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "0ms"),
        (1, "0.000001ms"),
        (300 * MS, "300ms"),
        (1234_567_000, "1.234567s"),
        (1500 * MS, "1.5s"),
        (90 * SECOND, "90s"),
        (100 * SECOND, "100s"),
        (600 * SECOND, "10m"),
        (7200 * SECOND, "2h"),
    ],
)
def test_a_duration_is_written_as_people_write_it(nanoseconds: int, text: str) -> None:
    assert format_duration(nanoseconds) == text


@given(st.integers(0, YEAR) | st.integers(0, 86_400).map(lambda seconds: seconds * SECOND))
def test_what_is_written_is_read_again_exactly(nanoseconds: int) -> None:
    assert parse_duration(format_duration(nanoseconds)) == nanoseconds


@given(st.integers(0, YEAR))
def test_the_pattern_of_the_schema_fits_what_is_read(nanoseconds: int) -> None:
    assert re.search(DURATION_PATTERN, format_duration(nanoseconds))


class Config(BaseModel):
    wait: Duration = 300 * MS


def test_a_field_is_written_with_a_unit_and_held_in_nanoseconds() -> None:
    assert Config.model_validate({"wait": "2s"}).wait == 2 * SECOND
    assert Config().wait == 300 * MS


@pytest.mark.parametrize("value", [300, "300", None])
def test_a_field_without_a_unit_is_refused(value: Any) -> None:
    with pytest.raises(ValidationError, match="duration"):
        Config.model_validate({"wait": value})


def test_the_schema_of_a_duration_is_a_string_with_a_pattern_and_examples_that_fit_it() -> None:
    schema = TypeAdapter(Duration).json_schema()
    assert schema["type"] == "string"
    assert [parse_duration(example) for example in schema["examples"]] == [300 * MS, 2 * SECOND, 600 * SECOND]
    assert all(re.search(schema["pattern"], example) for example in schema["examples"])


@given(st.decimals(min_value=0, max_value=MOST_USD, places=9))
def test_money_keeps_all_digits_that_were_written(amount: Decimal) -> None:
    assert parse_usd(f"{amount:f}") == TypeAdapter(Usd).validate_python(f"{amount:f}") == amount


@given(st.one_of(st.text(), st.floats(), st.none(), st.booleans(), st.lists(st.integers())))
def test_whatever_is_written_is_an_amount_of_money_or_a_value_error(value: object) -> None:
    found = None
    with contextlib.suppress(ValueError):
        found = parse_usd(value)
    assert found is None or 0 <= found <= MOST_USD


@pytest.mark.parametrize("value", [-1, "much", float("nan"), True, 1e9, None])
def test_what_is_no_amount_of_money_is_an_error_that_shows_one(value: object) -> None:
    with pytest.raises(ValueError, match=f"from 0 to 1000000, such as 0.0043, found '{value}'"):
        parse_usd(value)
