"""The answers and arguments of rules: templates with slots and results → what is said and handed over."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from voicepipe.speech.rules import PLACEHOLDER


def argument(value: Any, slots: Mapping[str, Any]) -> Any:
    """A text that is nothing but a slot keeps the slot's type: a number stays a number.

    None if it names a slot that this sentence doesn't have: the argument is left out then.
    """
    if not isinstance(value, str):
        return value
    whole = PLACEHOLDER.fullmatch(value)
    return slots.get(whole[1]) if whole else fill(value, slots)


def fill(template: str, values: Mapping[str, Any]) -> str | None:
    """``template`` with its placeholders replaced; None if one of them has no value."""
    out: list[str] = []
    end = 0
    for found in PLACEHOLDER.finditer(template):
        value: Any = values
        for key in found[1].split("."):
            value = value.get(key) if isinstance(value, Mapping) else None
        spoken = _spoken(value)
        if spoken is None:
            return None
        out += template[end : found.start()], spoken
        end = found.end()
    return "".join((*out, template[end:]))


def _spoken(value: Any) -> str | None:
    """As it stands in a sentence; None if it has no form that could be said."""
    if isinstance(value, list):
        parts = [_spoken(part) for part in value]
        return None if None in parts else ", ".join(part for part in parts if part is not None)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) if isinstance(value, str | int | float) else None


def parsed_result(text: str) -> Any:
    """A JSON object or array; any other text as it is, since a number in it may be a telephone number."""
    if not text.startswith(("{", "[")):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
