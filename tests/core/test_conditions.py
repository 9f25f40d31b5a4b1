from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicepipe.core.conditions import (
    DURATION_CONDITION_PATTERN,
    NUMBER_CONDITION_PATTERN,
    Condition,
    duration_condition,
    number_condition,
)
from voicepipe.core.units import MS, SECOND, format_duration

OPERATORS = st.sampled_from(["<", "<=", ">", ">=", "=="])


@pytest.mark.parametrize(
    ("written", "holds", "fails"),
    [
        ("< 1s", [0, SECOND - 1], [SECOND, 2 * SECOND]),
        ("<= 300ms", [300 * MS], [300 * MS + 1]),
        ("> 1.5s", [1501 * MS], [1500 * MS]),
        (">=2m", [120 * SECOND], [119 * SECOND]),
        ("== 20ms", [20 * MS], [21 * MS, 19 * MS]),
    ],
)
def test_a_condition_on_a_duration_compares(written: str, holds: list[int], fails: list[int]) -> None:
    condition = duration_condition(written)
    assert all(condition.holds(value) for value in holds)
    assert not any(condition.holds(value) for value in fails)


def test_a_bare_number_is_to_be_met_exactly() -> None:
    condition = number_condition(2)
    assert [condition.holds(value) for value in (1, 2, 3)] == [False, True, False]
    assert str(condition) == "2"


@pytest.mark.parametrize("written", ["1s", "", "< ", "~ 1s", "< 1", "< x", "<< 1s", 3, None, True])
def test_what_is_no_condition_on_a_duration_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match=r"condition such as '< 1s'|duration"):
        duration_condition(written)


@pytest.mark.parametrize("written", ["many", "2", "< 1s", "", None, True, "> "])
def test_what_is_no_condition_on_a_number_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match="expected a number, or a condition such as '<= 3'"):
        number_condition(written)


@given(OPERATORS, st.integers(0, 10**12))
def test_a_condition_on_a_duration_is_read_as_it_is_shown(operator: str, limit: int) -> None:
    written = f"{operator} {format_duration(limit)}"
    condition = duration_condition(written)
    assert condition == Condition(operator, limit, duration=True)
    assert str(condition) in (written, format_duration(limit))
    assert re.search(DURATION_CONDITION_PATTERN, written), "the schema takes it, too"


@given(OPERATORS, st.integers(-(10**6), 10**6))
def test_a_condition_on_a_number_is_read_as_it_is_shown(operator: str, limit: int) -> None:
    written = f"{operator} {limit}"
    assert number_condition(written) == Condition(operator, limit)
    assert re.search(NUMBER_CONDITION_PATTERN, written), "the schema takes it, too"
