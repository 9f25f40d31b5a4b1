"""What a session's observers get → plain values for JSON. ``docs/events.md`` describes every event.

Audio never is an event. Times become milliseconds of session time, errors and heard segments become text,
and secrets are masked.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import Field, fields, is_dataclass, replace
from typing import Any, get_args

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

_FRAMES = (StreamFrame, TurnFrame)


def event_to_dict(at_ns: int, event: Any, secrets: Collection[str] = ()) -> dict[str, Any]:
    """``{"t_ms": …, "event": "TurnBegan", …}``: only what JSON has, and no NaN.

    ``t_ms`` is when it was observed and never goes back; ``at_ms``, where an event has it, when it happened.
    """
    filled = _heard(event) if type(event) is Heard else _map(type(event))(event)
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
        filled = _map(type(value))(value)
        return {name: plain(one, secrets, depth + 1) for name, one in filled.items()}
    return plain(str(value), secrets)


_MAPS: dict[type[Any], Callable[[Any], dict[str, Any]]] = {}


def _map(kind: type[Any]) -> Callable[[Any], dict[str, Any]]:
    """What makes a map of a dataclass of one type, with times in milliseconds and all else as it is. A frame
    inside of an event says what it is. Compiled once, as ``dataclasses`` does for its own methods."""
    if kind not in _MAPS:
        named = f"'event': {kind.__name__!r}, " if issubclass(kind, _FRAMES) else ""
        items = ", ".join(f"{event_field(one.name)!r}: {_expression(one)}" for one in fields(kind))
        _MAPS[kind] = eval(f"lambda event: {{{named}{items}}}")  # noqa: S307 - our own names
    return _MAPS[kind]


def _expression(field: Field[Any]) -> str:
    value = f"event.{field.name}"
    if not field.name.endswith("_ns"):
        return value
    return f"{value} / {MS}" if field.type == "int" else f"None if {value} is None else {value} / {MS}"


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
