"""What a session's observers get → plain values for JSON. ``docs/events.md`` describes every event.

Audio never is an event. Times become milliseconds of session time, errors and heard segments become text,
and secrets are masked.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import fields, is_dataclass
from operator import attrgetter
from typing import Any, NamedTuple, get_args

from voicepipe.core.frames import (
    CallerIdle,
    EndOfText,
    Heard,
    PlaybackStarted,
    PlaybackStopped,
    Prosody,
    ProviderBegan,
    Recovered,
    Recovering,
    Repeat,
    Skip,
    SpeechPaused,
    SpeechResumed,
    SpeechStarted,
    SpeechStopped,
    StreamFrame,
    Talk,
    Text,
    ToolWaiting,
    Transcript,
    TurnFailed,
    TurnFrame,
    TypedText,
)
from voicepipe.core.masking import mask_secrets
from voicepipe.core.records import Record
from voicepipe.core.units import MS
from voicepipe.speech.heard import heard_text

STREAM_EVENTS = (
    SpeechStarted,
    Prosody,
    SpeechPaused,
    SpeechResumed,
    SpeechStopped,
    Transcript,
    Talk,
    TypedText,
)
REPLY_EVENTS = (
    Text,
    EndOfText,
    PlaybackStarted,
    PlaybackStopped,
    Heard,
    TurnFailed,
    ToolWaiting,
    ProviderBegan,
    Recovering,
    Recovered,
    Skip,
    Repeat,
    CallerIdle,
)
RECORD_EVENTS: tuple[type[Any], ...] = get_args(Record)
EVENTS: tuple[type[Any], ...] = (*STREAM_EVENTS, *REPLY_EVENTS, *RECORD_EVENTS)
"""Every type of event that an observer of a session is called with."""

MAX_TEXT = 20_000
"""Characters of one text; a reply that takes twenty minutes to say."""

MAX_DEPTH = 16
"""Levels of a tool's arguments; Python's own limit would be met while writing them."""

_CUT = "… [cut]"

_PLAIN = frozenset((type(None), bool, int))
"""What needs no look. Most values are of these types, and lines are written while a call waits."""


_DECLARED_PLAIN = ("int", "bool", "int | None", "bool | None")

_FRAMES = (StreamFrame, TurnFrame)


def event_to_dict(at_ns: int, event: Any, secrets: Collection[str] = ()) -> dict[str, Any]:
    """``{"t_ms": …, "event": "TurnBegan", …}``: only what JSON has, and no NaN.

    ``t_ms`` is when it was observed and never goes back; ``at_ms``, where an event has it, when it happened.
    """
    kind = type(event)
    line: dict[str, Any] = {"t_ms": at_ns / MS, "event": kind.__name__}
    if kind is Heard:
        line.update(_heard(event))
        line["text"] = plain(line["text"], secrets)
    else:
        _fill(line, event, secrets, 0)
    return line


def _fill(line: dict[str, Any], event: Any, secrets: Collection[str], depth: int) -> None:
    """Put the fields of ``event`` into ``line``."""
    layout = _LAYOUTS.get(type(event)) or _layout(type(event))
    line.update(zip(layout.names, layout.values(event), strict=True))
    for name in layout.in_ns:
        if (ns := line[name]) is not None:
            line[name] = ns / MS
    for name in layout.others:
        value = line[name]
        found = type(value)
        if found in _PLAIN or (found is str and not secrets and len(value) <= MAX_TEXT):
            continue
        line[name] = plain(value, secrets, depth + 1)


def event_fields(kind: type[Any]) -> list[str]:
    """The names that events of ``kind`` have in the log, after ``t_ms`` and ``event``."""
    if kind is Heard:
        return ["at_ms", "turn", "segment", "heard_ms", "text", "final"]
    return [event_field(field.name) for field in fields(kind)]


def plain(value: Any, secrets: Collection[str] = (), depth: int = 0) -> Any:
    """``value`` with nothing in it but what JSON has; texts are masked and bounded."""
    if type(value) in _PLAIN:
        return value
    if isinstance(value, str):
        value = mask_secrets(str(value), secrets) if secrets else str(value)
        return value if len(value) <= MAX_TEXT else value[: MAX_TEXT - len(_CUT)] + _CUT
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if depth >= MAX_DEPTH:
        return "…"
    if isinstance(value, Mapping):
        return {plain(str(k), secrets): plain(v, secrets, depth + 1) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, secrets, depth + 1) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        # A frame inside of an event says what it is.
        found = {"event": type(value).__name__} if isinstance(value, _FRAMES) else {}
        _fill(found, value, secrets, depth)
        return found
    return plain(str(value), secrets)


class _Layout(NamedTuple):
    """Of a type of event: its ``values``, all at once, and their names in the log. ``in_ns`` are times; the
    ``others`` aren't declared as whole numbers or truth values, and have to be looked at."""

    values: Callable[[Any], tuple[Any, ...]]
    names: tuple[str, ...]
    in_ns: tuple[str, ...]
    others: tuple[str, ...]


_LAYOUTS: dict[type[Any], _Layout] = {}


def _layout(kind: type[Any]) -> _Layout:
    """Found out once for a type."""
    layout = _LAYOUTS.get(kind)
    if layout is None:
        names = [one.name for one in fields(kind)]
        plain_ones = {one.name for one in fields(kind) if one.type in _DECLARED_PLAIN}
        layout = _LAYOUTS[kind] = _Layout(
            attrgetter(*names) if len(names) > 1 else lambda event: tuple(getattr(event, n) for n in names),
            tuple(map(event_field, names)),
            tuple(event_field(name) for name in names if name.endswith("_ns")),
            tuple(event_field(name) for name in names if name not in plain_ones),
        )
    return layout


def event_field(field: str) -> str:
    """What a field of an event is called in the log: ``at_ns`` → ``at_ms``."""
    return field.removesuffix("_ns") + "_ms" if field.endswith("_ns") else field


def _heard(event: Heard) -> dict[str, Any]:
    segment = event.segment
    return {
        "at_ms": event.at_ns / MS,
        "turn": event.turn,
        "segment": None if segment is None else segment.index,
        "heard_ms": 0 if segment is None else event.samples * 1000 / segment.rate,
        "text": "" if segment is None else heard_text(segment, event.samples),
        "final": event.final,
    }
