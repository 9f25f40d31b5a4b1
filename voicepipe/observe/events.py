"""What a session's observers get → plain values for JSON. ``docs/events.md`` describes every event.

Audio never is an event. Times become milliseconds of session time, errors and heard segments become text,
and secrets are masked.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import Field, fields, is_dataclass, replace
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
    Segment,
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
"""What needs no look."""

_DECLARED_PLAIN = ("int", "bool", "str", "int | None", "bool | None", "str | None")
"""Of the fields of an event: what JSON has as it is."""

_FRAMES = (StreamFrame, TurnFrame)


def event_to_dict(at_ns: int, event: Any, secrets: Collection[str] = ()) -> dict[str, Any]:
    """``{"t_ms": …, "event": "TurnBegan", …}``: only what JSON has, and no NaN.

    ``t_ms`` is when it was observed and never goes back; ``at_ms``, where an event has it, when it happened.
    """
    filled = _heard(event) if type(event) is Heard else _maps(type(event)).raw(event)
    line = {"t_ms": at_ns / MS, "event": type(event).__name__, **filled}
    return {name: plain(value, secrets, 1) for name, value in line.items()}


def as_of_now(event: Heard, text: str) -> Heard:
    """``event``, of a chunk of which ``text`` was heard and nothing more will change: for whoever reads it
    later, while the voice goes on with the chunk itself."""
    one = event.segment
    if one is None:
        return event
    heard = Segment(
        turn=one.turn,
        index=one.index,
        text=text,
        rate=one.rate,
        in_history=one.in_history,
        item_id=one.item_id,
        made=event.samples,
        samples=event.samples,
    )
    return replace(event, segment=heard)


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
        filled = _maps(type(value)).raw(value)
        return {name: plain(one, secrets, depth + 1) for name, one in filled.items()}
    return plain(str(value), secrets)


def _quick(value: Any) -> Any:
    """``value`` with nothing in it but what JSON has."""
    kind = type(value)
    if kind is str or kind in _PLAIN:
        return value
    if kind is tuple:
        return [_quick(one) for one in value]
    if kind in _MAPS or is_dataclass(kind):
        return _maps(kind).inner(value)
    return plain(value)


class _Maps(NamedTuple):
    """What makes maps of dataclasses of one type, with times in milliseconds: the log's ``line``, what stands
    ``inner`` of another, and of the ``raw`` values. A frame inside of an event says what it is."""

    line: Callable[[int, Any], dict[str, Any]]
    inner: Callable[[Any], dict[str, Any]]
    raw: Callable[[Any], dict[str, Any]]


_MAPS: dict[type[Any], _Maps] = {}


def _maps(kind: type[Any]) -> _Maps:
    """Compiled once for a type, as ``dataclasses`` does for its own methods."""
    if kind not in _MAPS:
        name = f"'event': {kind.__name__!r}, "
        named = name if issubclass(kind, _FRAMES) else ""
        quick, raw = (
            ", ".join(f"{event_field(one.name)!r}: {_expression(one, quick)}" for one in fields(kind))
            for quick in (True, False)
        )
        line = f"lambda at_ns, event: {{'t_ms': at_ns / {MS}, {name}{quick}}}"
        inner, raw = (f"lambda event: {{{named}{items}}}" for items in (quick, raw))
        made = [eval(code, {"quick": _quick}) for code in (line, inner, raw)]  # noqa: S307 - our own names
        _MAPS[kind] = _Maps(_heard_line if kind is Heard else made[0], made[1], made[2])
    return _MAPS[kind]


def _expression(field: Field[Any], quick: bool) -> str:
    value = f"event.{field.name}"
    if field.name.endswith("_ns"):
        return f"{value} / {MS}" if field.type == "int" else f"None if {value} is None else {value} / {MS}"
    return f"quick({value})" if quick and field.type not in _DECLARED_PLAIN else value


def event_field(field: str) -> str:
    """What a field of an event is called in the log: ``at_ns`` → ``at_ms``."""
    return field.removesuffix("_ns") + "_ms" if field.endswith("_ns") else field


def _heard_line(at_ns: int, event: Heard) -> dict[str, Any]:
    return {"t_ms": at_ns / MS, "event": "Heard", **_heard(event)}


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
