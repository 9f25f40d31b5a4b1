"""Quantities that users write with a unit, and paths that users write relative to their file."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainValidator, WithJsonSchema

MS = 1_000_000
"""Nanoseconds in a millisecond; all session time is in integer nanoseconds."""

SECOND = 1_000_000_000

_UNITS = {"ms": MS, "s": SECOND, "m": 60 * SECOND, "h": 3600 * SECOND, "d": 86_400 * SECOND}
_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?) *(ms|s|m|h|d)")
DURATION_PATTERN = f"^{_DURATION.pattern}$"


def parse_duration(text: Any) -> int:
    """``"300ms"``, ``"1.5s"``, ``"10m"`` → nanoseconds. A ``ValueError`` says what is wrong."""
    if isinstance(text, str) and (match := _DURATION.fullmatch(text.strip())):
        return round(Decimal(match[1]) * _UNITS[match[2]])
    if isinstance(text, int | float) and not isinstance(text, bool):
        raise ValueError(f"a duration needs a unit: {text} could be '{text}ms' or '{text}s'")
    raise ValueError(f"expected a duration such as '300ms', '2s' or '10m', found {text!r}")


def format_duration(nanoseconds: int) -> str:
    """As people write it, and as ``parse_duration`` reads it, exactly: 300ms, 1.5s, 10m. Not negative."""
    for unit in ("h", "m"):
        if nanoseconds and nanoseconds % _UNITS[unit] == 0:
            return f"{nanoseconds // _UNITS[unit]}{unit}"
    unit, digits = ("s", 9) if nanoseconds >= SECOND else ("ms", 6)
    whole, rest = divmod(nanoseconds, _UNITS[unit])
    return f"{whole}.{rest:0{digits}}".rstrip("0").rstrip(".") + unit


def _duration(value: Any) -> int:
    # An int that is already in nanoseconds comes from a default in code, never from a file:
    # pydantic doesn't validate defaults, so a bare number here was written by a user.
    return parse_duration(value)


Duration = Annotated[
    int,
    BeforeValidator(_duration),
    WithJsonSchema({"type": "string", "pattern": DURATION_PATTERN, "examples": ["300ms", "2s", "10m"]}),
]
"""A field of a ``Config``: written with a unit, held in integer nanoseconds. Defaults are in nanoseconds."""


MOST_USD = 1_000_000
"""Of one price, limit or budget. More is a slip of the keyboard, and a database's integers hold so much in
picodollars with room to spare."""


def parse_usd(value: Any) -> Decimal:
    """An amount of money with all the digits that were written. A ``ValueError`` says what is wrong."""
    found = None
    if isinstance(value, int | float | str | Decimal) and not isinstance(value, bool):
        try:
            found = Decimal(str(value).strip())
        except InvalidOperation:
            found = None
    if found is None or not found.is_finite() or not 0 <= found <= MOST_USD:
        raise ValueError(f"expected an amount in USD from 0 to {MOST_USD}, such as 0.0043, found '{value}'")
    return found


Usd = Annotated[
    Decimal,
    PlainValidator(parse_usd),
    WithJsonSchema({"type": "number", "minimum": 0, "maximum": MOST_USD}),
]
"""A field of a ``Config`` that holds money: exact, never a binary float."""


class RelativeToFile:
    """Marks a ``Config`` field whose relative path is meant relative to the file it is written in.

    Whoever loads the file calls ``resolve`` before the model sees the value.
    """

    def resolve(self, value: str, folder: Path) -> str:
        """The absolute path that ``value`` means in a file that lies in ``folder``; ``~`` is the home."""
        return str((folder / Path(value).expanduser()).resolve())


class NameOrPath(RelativeToFile):
    """Marks a field that holds either a name from a catalogue (``base.en``) or a path.

    It is a path if it begins with ``.``, ``~`` or a slash, ends in a slash, has more than one slash
    (``org/name`` may be a name), or holds one slash and exists. A name is left as it is.
    """

    def resolve(self, value: str, folder: Path) -> str:
        path = super().resolve(value, folder)
        explicit = value.startswith((".", "~", "/", "\\")) or value.endswith(("/", "\\"))
        separators = value.count("/") + value.count("\\")
        if explicit or separators > 1 or (separators == 1 and Path(path).exists()):
            return path
        return value


ConfigPath = Annotated[Path, RelativeToFile()]
"""A path in a ``Config``; the loader makes it absolute before the model sees it."""

ModelRef = Annotated[str, NameOrPath()]
"""A model in a ``Config``, by name or by path: ``base.en``, ``org/name``, ``./models/mine``."""
