"""Values as they were written: each with its place, so that a message can point at it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from voicepipe.errors import ConfigError

Scalar = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Source:
    """A file, or an argument of the command line or of an API call.

    ``label`` is what messages call it, ``folder`` where its relative paths begin. ``top`` is the folder
    that its files must stay inside; None for what the user typed, who may name any file.
    """

    label: str
    folder: Path
    top: Path | None


@dataclass(frozen=True, slots=True)
class Place:
    """``line`` and ``column`` count from 1."""

    source: Source
    line: int
    column: int

    @property
    def _in_a_file(self) -> bool:
        """Line 1, column 1 of an argument would tell nothing."""
        return self.source.top is not None or (self.line, self.column) != (1, 1)

    def __str__(self) -> str:
        return f"{self.source.label}:{self.line}:{self.column}" if self._in_a_file else self.source.label

    def error(self, message: str, *, hint: str | None = None) -> ConfigError:
        if not self._in_a_file:
            return ConfigError(message, path=self.source.label, hint=hint)
        return ConfigError(message, path=self.source.label, line=self.line, column=self.column, hint=hint)


@dataclass(frozen=True, slots=True)
class Node:
    """A value, where it begins, and for a map where each of its keys begins.

    ``text`` is a scalar as it was written (``4.10``, which the value 4.1 no longer tells). ``shown`` is
    what may be printed in place of a value that holds something from the environment. A node is never
    changed; an alias shares the node of its anchor.
    """

    value: Scalar | dict[str, Node] | list[Node]
    place: Place
    text: str | None = None
    keys: dict[str, Place] = field(default_factory=dict)
    shown: str | None = None

    @property
    def map(self) -> dict[str, Node]:
        """The value of a node that is known to be a map."""
        assert isinstance(self.value, dict)
        return self.value

    @property
    def kind(self) -> str:
        """What a message calls it."""
        match self.value:
            case dict():
                return "a map"
            case list():
                return "a list"
            case None:
                return "nothing"
            case str():
                return "text"
            case bool():
                return "true or false"
            case _:
                return "a number"

    def nearest(self, path: Iterable[str | int]) -> Node:
        """The value at ``path`` below, or the nearest around it that was written."""
        return self._reach(path)[0]

    def place_of(self, path: Iterable[str | int]) -> Place:
        """Where that begins."""
        return self.nearest(path).place

    def place_of_key(self, path: Iterable[str | int]) -> Place:
        """Where that is named: a value of a map by its key; an item of a list stands for itself."""
        return self._reach(path)[1]

    def _reach(self, path: Iterable[str | int]) -> tuple[Node, Place]:
        node, place = self, self.place
        for key in path:
            if isinstance(node.value, dict) and str(key) in node.value:
                place, node = node.keys.get(str(key), node.place), node.value[str(key)]
            elif isinstance(node.value, list) and isinstance(key, int) and key < len(node.value):
                node = node.value[key]
                place = node.place
            else:
                break
        return node, place

    def walk(self, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Node]]:
        """This node and all below it with their paths, in the order of the file."""
        yield path, self
        if isinstance(self.value, dict):
            for key, child in self.value.items():
                yield from child.walk((*path, key))
        elif isinstance(self.value, list):
            for index, child in enumerate(self.value):
                yield from child.walk((*path, str(index)))


def plain(node: Node) -> Any:
    """The value as plain Python data."""
    if isinstance(node.value, dict):
        return {key: plain(child) for key, child in node.value.items()}
    if isinstance(node.value, list):
        return [plain(child) for child in node.value]
    return node.value


def from_python(value: object, place: Place) -> Node:
    """Plain Python data (an API call's ``set=``) as a node; everything in it stands at ``place``."""
    if isinstance(value, dict):
        children = {str(key): from_python(child, place) for key, child in value.items()}
        return Node(children, place, keys=dict.fromkeys(children, place))
    if isinstance(value, list | tuple):
        return Node([from_python(child, place) for child in value], place)
    if value is None or isinstance(value, str | int | float | bool):
        return Node(value, place, text="" if value is None else str(value))
    raise place.error(f"expected plain data, found {type(value).__name__}")
