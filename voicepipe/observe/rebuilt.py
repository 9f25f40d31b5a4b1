"""Lines of the event log → the events that they were made of: the way back of ``events.event_to_dict``.

What a line doesn't hold is gone: of a spoken chunk the words that weren't heard, of an error all but its
text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from voicepipe.core.frames import Heard, Segment
from voicepipe.core.records import Tapped
from voicepipe.core.units import MS, SECOND
from voicepipe.observe.events import EVENTS, event_field

HEARD_RATE = SECOND
"""Samples per second of a segment that comes from a log: a sample is a nanosecond."""

_BY_NAME: Mapping[str, type[Any]] = {kind.__name__: kind for kind in EVENTS}


class BadEvent(ValueError):
    """A line of a known event that doesn't have what belongs to it: which field, found and expected."""


def rebuilt(line: Mapping[str, Any]) -> Any:
    """The event of ``line``; None for one that this version doesn't know. Raises ``BadEvent``.

    Fields that it doesn't know are left out, and those that a version before didn't write have their
    defaults.
    """
    kind = _BY_NAME.get(str(line.get("event")))
    if kind is None:
        return None
    if kind is Heard:
        return _heard(line)
    values = {}
    for field in fields(kind):
        name = event_field(field.name)
        if name in line:
            values[field.name] = _in_ns(name, line[name]) if name != field.name else line[name]
        elif field.default is MISSING and field.default_factory is MISSING:
            raise BadEvent(f"'{name}' is missing")
    if kind is Tapped:
        values["frame"] = _within(values["frame"])
    return _valid(kind, values)


def _within(frame: Any) -> Any:
    """What a tap gave; as it stands if it is of a later version."""
    if not isinstance(frame, Mapping):
        raise BadEvent(f"frame: found {frame!r:.60}, expected an event")
    known = rebuilt(frame)
    return frame if known is None else known


def _in_ns(name: str, value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadEvent(f"{name}: found {value!r:.60}, expected milliseconds")
    return round(value * MS)


def _valid(kind: type[Any], values: dict[str, Any]) -> Any:
    try:
        return _checker(kind.__name__)(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(event_field(str(part)) for part in first["loc"])
        raise BadEvent(f"{name}: found {first['input']!r:.60}; {first['msg']}") from None


@cache
def _checker(name: str) -> Callable[[Any], Any]:
    return TypeAdapter(_BY_NAME[name]).validate_python


def _heard(line: Mapping[str, Any]) -> Heard:
    missing = [name for name in ("at_ms", "turn", "segment", "heard_ms", "text", "final") if name not in line]
    if missing:
        raise BadEvent(f"'{missing[0]}' is missing")
    turn, index, text = line["turn"], line["segment"], line["text"]
    samples = _in_ns("heard_ms", line["heard_ms"]) or 0
    if not isinstance(turn, int) or not isinstance(index, int | None) or not isinstance(text, str):
        raise BadEvent(f"turn, segment, text: found {(turn, index, text)!r:.60}; expected a reply's part")
    segment = None
    if index is not None:
        segment = Segment(turn=turn, index=index, text=text, rate=HEARD_RATE, made=samples, samples=samples)
    return Heard(
        turn=turn,
        segment=segment,
        samples=samples,
        final=bool(line["final"]),
        at_ns=_in_ns("at_ms", line["at_ms"]) or 0,
    )
