"""YAML 1.2 (core schema) in which every value knows its place, over PyYAML's parser.

PyYAML reads YAML 1.1, where ``no`` is False, ``9:30`` is 570, ``+15551234567`` loses its plus, ``0123`` is
83 and a key given twice passes. Its *parser* is fine; the resolving and the composing are done here, from
the parser's events, so that depth and alias expansion are bounded before they cost anything.

Where the core schema would lose what was written, text wins: a number with a leading plus or leading
zeros (a telephone or an order number) stays text, and a field that wants a number converts it.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from voicepipe.core.nodes import Node, Place, Scalar, Source
from voicepipe.errors import ConfigError

MAX_BYTES = 1 << 20
"""A pipeline file is a few kilobytes; a mebibyte is somebody's mistake or attack."""

MAX_DEPTH = 32
"""Levels of maps and lists inside each other; the deepest documented key is at level 6."""

MAX_KEY = 100
"""Characters of a key."""

MAX_NODES = 50_000
"""Values in one file, those that aliases repeat counted each time."""

_NULL = frozenset(("", "~", "null", "Null", "NULL"))
_BOOL = {
    "true": True, "True": True, "TRUE": True,
    "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_INT = re.compile(r"-?(?:0|[1-9][0-9]*)")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"-?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_SPECIAL = {
    ".inf": math.inf, ".Inf": math.inf, ".INF": math.inf,
    "-.inf": -math.inf, "-.Inf": -math.inf, "-.INF": -math.inf,
    ".nan": math.nan, ".NaN": math.nan, ".NAN": math.nan,
}  # fmt: skip
_CORE = "tag:yaml.org,2002:"


def resolve(text: str) -> Scalar:
    """An unquoted scalar in the core schema, less the numbers that would lose what was written."""
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if _INT.fullmatch(text) and len(text) < 30:  # longer ones are identifiers; Python limits them, too
        return int(text)
    if _BASED.fullmatch(text) and len(text) < 30:
        return int(text, 0)
    if text in _SPECIAL:
        return _SPECIAL[text]
    if _FLOAT.fullmatch(text) and not _INT.fullmatch(text) and math.isfinite(number := float(text)):
        return number
    return text


def read(path: Path, source: Source, errors: list[ConfigError]) -> Node | None:
    """The file as a node, or None if it can't be read at all; problems are added to ``errors``."""
    start = Place(source, 1, 1)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        errors.append(ConfigError(f"can't read the file: {reason}", path=source.label))
        return None
    if len(data) > MAX_BYTES:
        errors.append(start.error(f"the file is larger than {MAX_BYTES // 1024} KiB"))
        return None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        place = Place(source, before.count(b"\n") + 1, error.start - (before.rfind(b"\n") + 1) + 1)
        errors.append(place.error("expected UTF-8 text", hint="save the file in the UTF-8 encoding"))
        return None
    return parse(text, source, errors)


def parse(text: str, source: Source, errors: list[ConfigError]) -> Node | None:
    """The only document of ``text``, or None if it isn't YAML; problems are added to ``errors``."""
    try:
        return _Composer(text, source, errors).document()
    except _Stop as stop:
        errors.append(stop.error)
    except yaml.MarkedYAMLError as error:
        errors.append(_in_plain_words(error, source))
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        place = Place(source, before.count("\n") + 1, error.position - (before.rfind("\n") + 1) + 1)
        errors.append(place.error(f"the character U+{error.character:04X} can't stand in YAML"))
    return None


class _Stop(Exception):
    """A problem after which the rest of the file means nothing."""

    def __init__(self, error: ConfigError) -> None:
        self.error = error


@dataclass(slots=True)
class _Anchor:
    node: Node | None = None  # None while its own content is being read
    size: int = 0
    height: int = 0


class _Composer:
    """Events → nodes. ``size`` and ``height`` of a node count what aliases inside it stand for."""

    def __init__(self, text: str, source: Source, errors: list[ConfigError]) -> None:
        self._events = yaml.parse(text, Loader=yaml.SafeLoader)
        self._source = source
        self._errors = errors
        self._anchors: dict[str, _Anchor] = {}
        self._total = 0

    def document(self) -> Node:
        next(self._events)  # the start of the stream
        event = next(self._events)
        if isinstance(event, yaml.StreamEndEvent):
            return Node(None, Place(self._source, 1, 1), text="")
        root, _, _ = self._node(next(self._events), 0)
        next(self._events)  # the end of the document
        event = next(self._events)
        if not isinstance(event, yaml.StreamEndEvent):
            raise _Stop(self._place(event).error("expected one document, found a second one after '---'"))
        return root

    def _place(self, event: Any) -> Place:
        return Place(self._source, event.start_mark.line + 1, event.start_mark.column + 1)

    def _node(self, event: Any, depth: int) -> tuple[Node, int, int]:
        """A node with its size and height."""
        if depth > MAX_DEPTH:
            raise _Stop(self._place(event).error(f"more than {MAX_DEPTH} levels inside each other"))
        if isinstance(event, yaml.AliasEvent):
            node, size, height = self._alias(event)
            if depth + height > MAX_DEPTH:
                raise _Stop(self._place(event).error(f"more than {MAX_DEPTH} levels inside each other"))
        else:
            anchor = _Anchor()
            if event.anchor is not None:
                self._anchors[event.anchor] = anchor
            if isinstance(event, yaml.ScalarEvent):
                node, size, height = self._scalar(event), 1, 1
            elif isinstance(event, yaml.SequenceStartEvent):
                node, size, height = self._list(event, depth)
            else:
                node, size, height = self._map(event, depth)
            anchor.node, anchor.size, anchor.height = node, size, height
        return node, size, height

    def _count(self, event: Any, size: int) -> None:
        self._total += size
        if self._total > MAX_NODES:
            raise _Stop(
                self._place(event).error(f"more than {MAX_NODES} values, counting those that aliases repeat")
            )

    def _alias(self, event: Any) -> tuple[Node, int, int]:
        anchor = self._anchors.get(event.anchor)
        if anchor is None:
            raise _Stop(self._place(event).error(f"the alias '*{event.anchor}' names no anchor before it"))
        if anchor.node is None:
            raise _Stop(self._place(event).error(f"the alias '*{event.anchor}' contains itself"))
        self._count(event, anchor.size)
        return anchor.node, anchor.size, anchor.height

    def _scalar(self, event: Any) -> Node:
        self._count(event, 1)
        place = self._place(event)
        text = self._whole_characters(event.value, place)
        if event.tag is None:
            value = resolve(text) if event.implicit[0] else text
        else:
            value = self._tagged(event.tag, text, place)
        return Node(value, place, text=text)

    def _whole_characters(self, text: str, place: Place) -> str:
        """``"\\ud83d\\ude00"``, which is how JSON writes one character, comes as two halves."""
        try:
            return text.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            self._errors.append(place.error("expected text, found half of a character"))
            return text.encode("utf-8", "replace").decode()

    def _tagged(self, tag: str, text: str, place: Place) -> Scalar:
        name = tag.removeprefix(_CORE)
        if tag in ("!", f"{_CORE}str"):
            return text
        if tag != name and name in ("int", "float", "bool", "null"):
            value = resolve(text)
            if name == "float" and type(value) is int:
                value = float(value)
            expected = {"int": int, "float": float, "bool": bool, "null": type(None)}[name]
            if type(value) is expected:
                return value
            self._errors.append(place.error(f"{text!r} isn't a YAML {name}"))
        else:
            self._refuse_tag(tag, place)
        return text

    def _refuse_tag(self, tag: str, place: Place) -> None:
        shown = tag.replace(_CORE, "!!")
        self._errors.append(
            place.error(f"the tag '{shown}' isn't allowed", hint="a pipeline file holds plain data")
        )

    def _list(self, event: Any, depth: int) -> tuple[Node, int, int]:
        self._count(event, 1)
        if event.tag not in (None, "!", f"{_CORE}seq"):
            self._refuse_tag(event.tag, self._place(event))
        items: list[Node] = []
        size, height = 1, 1
        while not isinstance(child := next(self._events), yaml.SequenceEndEvent):
            node, node_size, node_height = self._node(child, depth + 1)
            items.append(node)
            size, height = size + node_size, max(height, node_height + 1)
        return Node(items, self._place(event)), size, height

    def _map(self, event: Any, depth: int) -> tuple[Node, int, int]:
        self._count(event, 1)
        if event.tag not in (None, "!", f"{_CORE}map"):
            self._refuse_tag(event.tag, self._place(event))
        children: dict[str, Node] = {}
        keys: dict[str, Place] = {}
        size, height = 1, 1
        while not isinstance(child := next(self._events), yaml.MappingEndEvent):
            key, place = self._key(child, depth), self._place(child)
            node, node_size, node_height = self._node(next(self._events), depth + 1)
            size, height = size + node_size, max(height, node_height + 1)
            if key is None:
                continue
            if key in children:
                first = keys[key]
                self._errors.append(place.error(f"'{key}' is given twice, first in line {first.line}"))
                continue
            children[key], keys[key] = node, place
        return Node(children, self._place(event), keys=keys), size, height

    def _key(self, event: Any, depth: int) -> str | None:
        """The key as it was written, or None after a problem was reported."""
        place = self._place(event)
        node, _, _ = self._node(event, depth + 1)
        if node.text is None or (node.value is None and not node.text):
            self._errors.append(place.error("expected a name as the key", hint="quote it if it is text"))
            return None
        if len(node.text) > MAX_KEY:
            self._errors.append(place.error(f"a key has more than {MAX_KEY} characters"))
            return None
        if node.text == "<<" and isinstance(event, yaml.ScalarEvent) and event.implicit[0]:
            hint = "use 'extends', or repeat the keys"
            self._errors.append(place.error("'<<' (merge) isn't part of YAML 1.2", hint=hint))
            return None
        return node.text


_PLAIN_WORDS = (
    # what PyYAML says, what happened, what to do
    ("character '\\t'", "a tab can't indent or begin a value", "use spaces"),
    ("mapping values are not allowed", "a ':' can't stand here", "check the indentation, or quote the text"),
    ("could not find expected ':'", "expected ':' after the key", "check the line above, too"),
    ("expected <block end>", "this line doesn't fit the lines above it", "check the indentation"),
    ("that cannot start any token", "text can't begin with this character", "quote the text"),
    ("expected the node content", "expected a value here", None),
    ("expected '<document start>'", "expected one document, found a second one", None),
    ("found unknown escape character", "a '\\' begins an escape inside double quotes", "use single quotes"),
    ("found unexpected end of stream", "the quote is never closed", None),
    ("found unexpected document separator", "the quote is never closed", None),
)


def _in_plain_words(error: yaml.MarkedYAMLError, source: Source) -> ConfigError:
    mark = error.problem_mark or error.context_mark
    problem = error.problem or "it isn't YAML"
    words, hint = problem, None
    for theirs, ours, remedy in _PLAIN_WORDS:
        if theirs in problem:
            words, hint = ours, remedy
            break
    else:
        if problem.startswith("expected ',' or"):
            words = f"{problem.split(', but')[0]} to go on or to close the bracket"
            if _at_question_mark(mark):
                hint = "quote text with a '?' inside brackets"
    if words == "the quote is never closed" and error.context_mark:
        mark = error.context_mark
    if mark is None:
        return ConfigError(words, path=source.label, hint=hint)
    if _unquoted_interpolation(mark):
        hint = 'quote it inside brackets: "${env:NAME}"'
    return Place(source, mark.line + 1, mark.column + 1).error(words, hint=hint)


def _at_question_mark(mark: Any) -> bool:
    """Inside brackets plain text ends at a ``?`` for the parser, though YAML 1.2 lets it stand there."""
    return bool(mark and mark.buffer) and "?" in mark.buffer[max(0, mark.pointer - 1) : mark.pointer + 1]


def _unquoted_interpolation(mark: Any) -> bool:
    """Inside ``{}`` an unquoted ``${env:X}`` ends at its own brace: the parser then stops at that brace."""
    buffer, at = mark.buffer, mark.pointer
    return bool(buffer) and "${" in buffer[max(0, at - 1) : at + 1]
