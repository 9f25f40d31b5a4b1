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
from collections.abc import Hashable
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from voicepipe.errors import ConfigError, ConfigErrors

MAX_BYTES = 256 * 1024
MAX_NODES = 20_000
"""Bounds of one file: a household's rules have some 300 values in 5 kB."""

PLACEHOLDER = re.compile(r"\{(\w+(?:\.\w+)*)\}")
"""``{city}``, ``{result.degrees}``, ``{error}`` in an answer."""


def _as_list(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else [value]


Texts = Annotated[tuple[str, ...], BeforeValidator(_as_list)]
"""One text or several."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)


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

    @model_validator(mode="before")
    @classmethod
    def _short_forms(cls, given: Any) -> Any:
        if isinstance(given, list):
            return {"values": [{"say": v, "value": v} if isinstance(v, str | int) else v for v in given]}
        if isinstance(given, dict) and "digits" not in given:
            return {"range": given}
        return given

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


class RulesSource:
    """The text of a rules file, in which every value knows its place."""

    def __init__(self, text: str, name: str) -> None:
        self.name = name
        self._places: dict[tuple[Hashable, ...], yaml.Mark] = {}
        self._nodes = 0
        if len(text) > MAX_BYTES:
            raise ConfigError(f"{len(text)} characters, at most {MAX_BYTES} were expected", path=name)
        try:
            node = yaml.compose(text, yaml.BaseLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            place = {"line": mark.line + 1, "column": mark.column + 1} if mark else {}
            raise ConfigError(f"not valid YAML: {error.problem or error}", path=name, **place) from None
        except (yaml.YAMLError, RecursionError) as error:
            raise ConfigError(f"not valid YAML: {error}", path=name) from None
        if node is None:
            raise ConfigError("the file is empty; expected 'intents:'", path=name)
        self.data = self._value(node, ())

    def error(self, loc: tuple[Hashable, ...], message: str, hint: str | None = None) -> ConfigError:
        """A problem with the value at ``loc``, or with the nearest one around it that was written."""
        while loc not in self._places:
            loc = loc[:-1]
        mark = self._places[loc]
        where = ".".join(str(part) for part in loc)
        return ConfigError(
            f"{where}: {message}" if where else message,
            path=self.name,
            line=mark.line + 1,
            column=mark.column + 1,
            hint=hint,
        )

    def _value(self, node: yaml.Node, loc: tuple[Hashable, ...]) -> Any:
        self._places[loc] = node.start_mark
        self._nodes += 1
        if self._nodes > MAX_NODES or len(loc) > 12:
            raise self.error(loc, f"the file holds more than {MAX_NODES} values, or too many levels")
        if isinstance(node, yaml.MappingNode):
            found: dict[str, Any] = {}
            for key, value in node.value:
                if key.value in found:
                    raise self.error((*loc, key.value), "this key is given twice")
                found[key.value] = self._value(value, (*loc, key.value))
            return found
        if isinstance(node, yaml.SequenceNode):
            return [self._value(item, (*loc, index)) for index, item in enumerate(node.value)]
        # YAML 1.2's scalars as far as rules need them: "no" and "on" stay words.
        if node.style is None and re.fullmatch(r"-?(0|[1-9]\d{0,17})", node.value):
            return int(node.value)
        return (
            {"true": True, "false": False}.get(node.value, node.value) if node.style is None else node.value
        )


def parse_rules(text: str, name: str = "rules") -> tuple[RulesFile, RulesSource]:
    """Read and validate. Raises ``ConfigError`` with the place, or ``ConfigErrors`` for several."""
    source = RulesSource(text, name)
    try:
        return RulesFile.model_validate(source.data), source
    except ValidationError as error:
        raise ConfigErrors(
            [source.error(e["loc"], e["msg"].removeprefix("Value error, ")) for e in error.errors()]
        ) from None


def read_rules(path: Path) -> tuple[RulesFile, RulesSource]:
    """``parse_rules`` of a file."""
    try:
        return parse_rules(path.read_text(encoding="utf-8"), str(path))
    except OSError as error:
        raise ConfigError(
            f"the rules file can't be read: {error.strerror}",
            path=str(path),
            hint="a relative path counts from the file that names it",
        ) from None
    except UnicodeDecodeError:
        raise ConfigError("the rules file is not UTF-8 text", path=str(path)) from None
