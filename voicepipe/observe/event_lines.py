"""Events as lines of the event log, in half of the time that ``event_to_dict`` and JSON take together.

A turn makes some fifty of them, mostly of names, times and short texts. So the line of each type of event is
written by a function of its own: one f-string, compiled from the declared types of its fields. Times come
again and again, and how they are written is remembered.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import fields
from functools import lru_cache
from json.encoder import encode_basestring
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic_core import to_json

from voicepipe.core.frames import Heard, Word
from voicepipe.core.records import Usage
from voicepipe.core.units import MS
from voicepipe.observe.events import event_field, event_to_dict, plain
from voicepipe.speech.heard import heard_text

Line = Callable[[int, Any, Collection[str]], str]

as_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
"""As lines are written: without spaces, and with nothing escaped but what has to be."""

_TIMES = 128
"""That are remembered, of all calls together: most events are observed when they happen, several at once."""


def checked_line(line: str, secrets: Collection[str]) -> str:
    """``line`` with its texts masked and bounded."""
    return as_json({name: plain(one, secrets, 1) for name, one in json.loads(line).items()}) + "\n"


quoted = encode_basestring
"""A text as JSON has it."""

_whole = int.__repr__


@lru_cache(_TIMES)
def _ms(ns: int | None) -> str:
    # Half of the time that Python's own takes.
    return to_json(None if ns is None else ns / MS, inf_nan_mode="null").decode()


def _number(value: float) -> str:
    return to_json(value, inf_nan_mode="null").decode()


def _texts(values: tuple[str, ...]) -> str:
    return f"[{','.join(map(quoted, values))}]"


def _words(values: tuple[Word, ...]) -> str:
    return f"[{','.join(map(_word, values))}]"


def _word(one: Word) -> str:
    return f'{{"text":{quoted(one.text)},"start_ms":{_whole(one.start_ms)},"end_ms":{_whole(one.end_ms)}}}'


def _usages(values: tuple[Usage, ...]) -> str:
    return f"[{','.join(map(_usage, values))}]"


def _usage(one: Usage) -> str:
    return (
        f'{{"unit":{quoted(one.unit)},"amount":{_whole(one.amount)},'
        f'"estimated":{"true" if one.estimated else "false"}}}'
    )


def _any(value: Any, secrets: Collection[str]) -> str:
    return as_json(plain(value, secrets, 1))


def _by_value(at_ns: int, event: Any, secrets: Collection[str]) -> str:
    """Somebody's own provider gave what the field isn't declared to be."""
    return as_json(event_to_dict(at_ns, event, secrets)) + "\n"


_WRITERS: dict[str, Callable[..., str]] = {
    "ms": _ms,
    "whole": _whole,
    "number": _number,
    "quoted": quoted,
    "texts": _texts,
    "words": _words,
    "usages": _usages,
    "any_value": _any,
    "by_value": _by_value,
}
"""What the compiled ones call."""

_OF_TYPE: dict[Any, str] = {
    int: "whole",
    float: "number",
    str: "quoted",
    tuple[str, ...]: "texts",
    tuple[Word, ...]: "words",
    tuple[Usage, ...]: "usages",
}


def _heard(at_ns: int, event: Heard, secrets: Collection[str]) -> str:
    one = event.segment
    index, heard_ms, text = "null", "0", ""
    if one is not None:
        index, heard_ms = _whole(one.index), _number(event.samples * 1000 / one.rate)
        text = heard_text(one, event.samples)
    return (
        f'{{"t_ms":{_ms(at_ns)},"event":"Heard","at_ms":{_ms(event.at_ns)},"turn":{_whole(event.turn)},'
        f'"segment":{index},"heard_ms":{heard_ms},"text":{quoted(text)},'
        f'"final":{"true" if event.final else "false"}}}\n'
    )


_MADE: dict[type[Any], Line] = {Heard: _heard}

_WRITER = """
def write(at_ns, one, secrets):
    try:
        t_ms = ms(at_ns)
        return f'''{{{{"t_ms":{{t_ms}},"event":"{name}",{members}}}}}\\n'''
    except (AttributeError, TypeError, ValueError):
        return by_value(at_ns, one, secrets)
"""


def line_writer(kind: type[Any]) -> Line:
    """What writes events of one type, as ``event_to_dict`` has them, as lines of JSON. What a field
    declares to be text is of any length, though, and may hold what is secret: see ``checked_line``.

    Compiled once, as ``dataclasses`` does for its own methods."""
    made = _MADE.get(kind)
    if made is None:
        known: dict[str, Any] = dict(_WRITERS)
        exec(_WRITER.format(name=kind.__name__, members=_members(kind)), known)  # noqa: S102 - our own names
        made = _MADE[kind] = known["write"]
    return made


def _members(kind: type[Any]) -> str:
    """The inside of an f-string that writes ``one``."""
    hints = get_type_hints(kind)
    return ",".join(
        f'"{event_field(field.name)}":{{{_code(f"one.{field.name}", field.name, hints[field.name])}}}'
        for field in fields(kind)
    )


def _code(value: str, name: str, hint: Any) -> str:
    """What writes ``value`` of the field ``name``, which is declared to be a ``hint``."""
    kinds = set(get_args(hint)) if get_origin(hint) in (Union, UnionType) else {hint}
    if name == "at_ns":  # most are observed when they happen
        return f"t_ms if {value} == at_ns else ms({value})"
    if name.endswith("_ns"):
        return f"ms({value})"
    if NoneType in kinds and len(kinds) == 2:
        (rest,) = kinds - {NoneType}
        return f"'null' if {value} is None else {_code(value, name, rest)}"
    if hint is bool:
        return f"'true' if {value} else 'false'"
    if get_origin(hint) is Literal:
        return f"quoted({value})"
    if get_origin(hint) is tuple and hint in _OF_TYPE:  # most have nothing in them
        return f"{_OF_TYPE[hint]}({value}) if {value} else '[]'"
    return f"{_OF_TYPE[hint]}({value})" if hint in _OF_TYPE else f"any_value({value}, secrets)"
