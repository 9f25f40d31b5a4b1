"""Conditions on a figure, in one form everywhere: ``"< 1s"``, ``">= 0.99"``, or a bare number to be met."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import PlainValidator, WithJsonSchema

from voicepipe.core.units import format_duration, parse_duration

_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
}
_CONDITION = re.compile(r"\s*(<=|>=|==|<|>)\s*(\S.*?)\s*")
_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,9})?")

DURATION_CONDITION_PATTERN = r"^ *(<=|>=|==|<|>) *[0-9]{1,9}(\.[0-9]{1,9})? *(ms|s|m|h|d) *$"
NUMBER_CONDITION_PATTERN = r"^ *(<=|>=|==|<|>) *-?[0-9]{1,15}(\.[0-9]{1,9})? *$"


@dataclass(frozen=True, slots=True)
class Condition:
    """``limit`` is in nanoseconds for a duration, as ``str`` shows it then."""

    operator: str
    limit: float
    duration: bool = False

    def holds(self, value: float) -> bool:
        return _OPERATORS[self.operator](value, self.limit)

    def __str__(self) -> str:
        limit = format_duration(int(self.limit)) if self.duration else f"{self.limit:g}"
        return limit if self.operator == "==" else f"{self.operator} {limit}"


def duration_condition(value: Any) -> Condition:
    """``"< 1s"``. A ``ValueError`` says what is wrong."""
    match = _CONDITION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"expected a condition such as '< 1s', found '{value}'")
    return Condition(match[1], parse_duration(match[2]), duration=True)


def number_condition(value: Any) -> Condition:
    """``">= 0.99"``, or a number that is to be met exactly. A ``ValueError`` says what is wrong."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Condition("==", value)
    match = _CONDITION.fullmatch(value) if isinstance(value, str) else None
    if match is None or not _NUMBER.fullmatch(match[2]):
        raise ValueError(f"expected a number, or a condition such as '<= 3', found '{value}'")
    return Condition(match[1], float(match[2]))


DurationCondition = Annotated[
    Condition,
    PlainValidator(duration_condition),
    WithJsonSchema({"type": "string", "pattern": DURATION_CONDITION_PATTERN, "examples": ["< 1s"]}),
]
NumberCondition = Annotated[
    Condition,
    PlainValidator(number_condition),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number"},
                {"type": "string", "pattern": NUMBER_CONDITION_PATTERN, "examples": ["<= 3"]},
            ]
        }
    ),
]
