"""The rules file: sentence templates, the tools they call and the answers, in YAML.

::

    lists:
      city: [Paris, New York]                 # a value is what is said
      minutes: {from: 1, to: 60}              # a number, in words or digits
      order: {digits: {from: 3, to: 8}}       # a number said digit by digit, kept as text
      state: [{say: (on|running), value: on}]
    phrases:
      please: "[please]"                      # <please> in a sentence
    intents:
      weather:
        sentences: what is the weather [like] in {city}
        tool: get_weather
        arguments: {city: "{city}"}
        answer: In {city} it is {result.degrees} degrees.
        error: I couldn't find out. {error}
      in_city:
        after: weather                        # only as the reply to that one's answer
        sentences: and in {city}
        ...

The language of ``sentences`` is hassil's: ``[optional]``, ``(one|another)``, ``{list}``, ``{list:slot}``,
``<phrase>``. An ``answer`` may name slots, ``result`` and its fields, and ``error``; of several answers the
ones that can be filled in take turns.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from voicepipe.core import yaml12
from voicepipe.core.check import validate
from voicepipe.core.nodes import Node, Source
from voicepipe.errors import ConfigError, ConfigErrors

PLACEHOLDER = re.compile(r"\{(\w+(?:\.\w+)*)\}")
"""``{city}``, ``{result.degrees}``, ``{error}`` in an answer."""

Texts = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1)]
"""One text or several."""


class _Model(BaseModel):
    # Deferred, since a pipeline file is validated without reading its rules.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Span(_Model):
    low: int = Field(alias="from", ge=0)
    high: int = Field(alias="to", le=10_000)

    @model_validator(mode="after")
    def _ordered(self) -> Span:
        if self.low > self.high:
            raise ValueError(f"'from' ({self.low}) is greater than 'to' ({self.high})")
        return self


class Value(_Model):
    """``say`` is a template; ``value`` is what the slot then holds."""

    say: str
    value: Any


class ListSpec(_Model):
    """What may stand for ``{name}``: values, a range of numbers, or that many digits."""

    values: tuple[Value, ...] = ()
    range: Span | None = None
    digits: Span | None = None

    @model_validator(mode="after")
    def _not_empty(self) -> ListSpec:
        if not (self.values or self.range or self.digits):
            raise ValueError("expected a list of values, {from:, to:} or {digits: {from:, to:}}")
        if self.digits and not 1 <= self.digits.low <= self.digits.high <= 20:
            raise ValueError("a number said digit by digit has 1 to 20 digits")
        return self


class IntentSpec(_Model):
    sentences: Texts
    after: Texts = ()
    tool: str | None = None
    arguments: dict[str, Any] = Field(default_factory=dict)
    answer: Texts
    error: Texts = ()


class Fallback(_Model):
    """``unknown``: words that fit no sentence; ``unrecognised``: speech in which no words were found."""

    unknown: Texts = ("Sorry, I don't know how to help with that.",)
    unrecognised: Texts = ("Sorry, I didn't catch that.",)
    error: Texts = ("Sorry, that didn't work. {error}",)


class RulesFile(_Model):
    language: str = "en"
    lists: dict[str, ListSpec] = Field(default_factory=dict)
    phrases: dict[str, str] = Field(default_factory=dict)
    intents: dict[str, IntentSpec] = Field(min_length=1)
    fallback: Fallback = Fallback()
    pronunciations: dict[str, str] = Field(default_factory=dict)
    """Words that the recogniser's dictionary lacks, in its phones: ``{voicepipe: V OY S P AY P}``."""


def read_rules(path: Path) -> tuple[RulesFile, Node]:
    """The rules of a file, and what was written: the node knows the place of every value.

    Raises ``ConfigErrors`` with all problems of the file.
    """
    source, errors = Source(str(path), path.parent, path.parent), list[ConfigError]()
    return _checked(yaml12.read(path, source, errors), errors)


def parse_rules(text: str, name: str = "rules") -> tuple[RulesFile, Node]:
    """``read_rules`` of a text, which messages call ``name``."""
    errors: list[ConfigError] = []
    return _checked(yaml12.parse(text, Source(name, Path(), Path()), errors), errors)


def _checked(root: Node | None, errors: list[ConfigError]) -> tuple[RulesFile, Node]:
    if root is not None:
        root = _long_form(root)
        rules = validate(RulesFile, root, (), errors)
        if rules is not None and not errors:
            return rules, root
    raise ConfigErrors(sorted(errors, key=lambda error: (error.line or 0, error.column or 0)))


# ── short forms → the long ones that the models know ─────────────────────────────────────────────


def _long_form(root: Node) -> Node:
    if root.value is None:  # an empty file
        root = replace(root, value={})
    root = _with(root, lambda lists: _with(lists, _list), only=("lists",))
    root = _with(root, lambda intents: _with(intents, _intent), only=("intents",))
    return _with(root, lambda fallback: _with(fallback, _several), only=("fallback",))


def _intent(node: Node) -> Node:
    return _with(node, _several, only=("sentences", "after", "answer", "error"))


def _list(node: Node) -> Node:
    if isinstance(node.value, dict):
        return node if "digits" in node.value else _under("range", node)
    if isinstance(node.value, list):
        node = replace(node, value=[_value(item) for item in node.value])
    return _under("values", node)


def _with(node: Node, turn: Callable[[Node], Node], only: tuple[str, ...] | None = None) -> Node:
    """``node`` with its children turned, or those ``only``; what isn't a map is left to the model."""
    if not isinstance(node.value, dict):
        return node
    children = {
        key: turn(child) if only is None or key in only else child for key, child in node.value.items()
    }
    return replace(node, value=children)


def _several(node: Node) -> Node:
    return node if isinstance(node.value, dict | list) else Node([node], node.place)


def _under(key: str, node: Node) -> Node:
    return Node({key: node}, node.place, keys={key: node.place})


def _value(node: Node) -> Node:
    """A bare value means what is said: text, or a whole number."""
    if isinstance(node.value, dict | list):
        return node
    meant = node if isinstance(node.value, int) else replace(node, value=node.text)
    return Node({"say": node, "value": meant}, node.place, keys=dict.fromkeys(("say", "value"), node.place))
