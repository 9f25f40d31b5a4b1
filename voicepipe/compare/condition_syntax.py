"""The language of ``--fail-on``: text → a tree, and back. Pure, and nothing is ever evaluated by Python.

::

    condition  = both { "or" both }
    both       = comparison { "and" comparison }
    comparison = sum [ ( "<" | "<=" | ">" | ">=" | "==" | "!=" ) sum ]
    sum        = product { ( "+" | "-" ) product }
    product    = value { ( "*" | "/" ) value }
    value      = "-" value | "(" condition ")" | NUMBER [ UNIT ] | variant "." NAME { "." NAME }
    variant    = NAME | "'" … "'" | '"' … '"'

A NAME holds letters, digits and underscores; any other name of a variant stands in quotes, in which the quote
itself is written twice. A UNIT is ms, s, % or usd.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, NoReturn, cast

from voicepipe.errors import UsageError

LONGEST = 1000
"""Characters of a condition: so its tree has at most 500 levels, and Python has room for twice as many."""

DEEPEST = 50
"""Levels of parentheses and signs."""

Arithmetic = Literal["+", "-", "*", "/"]
Comparing = Literal["<", "<=", ">", ">=", "==", "!="]
Joining = Literal["and", "or"]
Unit = Literal["", "ms", "s", "%", "usd"]


@dataclass(frozen=True, slots=True)
class Number:
    """``1.1``, ``800ms``; not negative."""

    value: Decimal
    unit: Unit


@dataclass(frozen=True, slots=True)
class Figure:
    """``default.voice_to_voice.p95``; ``column`` is where it begins, from 1, and no part of what it is."""

    variant: str
    name: str
    column: int


@dataclass(frozen=True, slots=True)
class Negative:
    of: Node


@dataclass(frozen=True, slots=True)
class Operation:
    """Two sides; ``column`` is that of the operator."""

    operator: Arithmetic | Comparing | Joining
    left: Node
    right: Node
    column: int


Node = Number | Figure | Negative | Operation

_TOKEN = re.compile(
    r"(?P<space>\s+)|(?P<number>[0-9]{1,15}(?:\.[0-9]{1,9})?)|(?P<name>[^\W\d]\w*)"
    r"""|(?P<quoted>"(?:[^"]|"")*"|'(?:[^']|'')*')|(?P<sign><=|>=|==|!=|[-+*/().<>])"""
)
_NAME = re.compile(r"[^\W\d]\w*")
_UNITS = ("ms", "s", "%", "usd")
_COMPARING = ("<", "<=", ">", ">=", "==", "!=")
_RANKS = {"or": 1, "and": 2, **dict.fromkeys(_COMPARING, 3), "+": 4, "-": 4, "*": 5, "/": 5}
"""The higher binds the closer."""


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    column: int


def parse(text: str) -> Node:
    """The tree that ``text`` means. A ``UsageError`` marks the column of what is wrong."""
    if len(text) > LONGEST:
        raise UsageError(f"a condition of {len(text)} characters: {LONGEST} are the most")
    return _Parser(text).whole()


def fail(text: str, column: int, message: str, hint: str | None = None) -> NoReturn:
    """Raise a ``UsageError`` that shows where in ``text`` it is wrong; columns count from 1."""
    line = re.sub(r"\s", " ", text)
    raise UsageError(f"--fail-on, column {column}: {message}\n  {line}\n  {' ' * (column - 1)}^", hint=hint)


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = self._split()
        self._at = 0
        self._depth = 0

    def whole(self) -> Node:
        node = self._operations(1)
        if self._next.kind != "end":
            self._wrong("an operator such as < or and")
        return node

    def _split(self) -> list[_Token]:
        tokens, at = [], 0
        while at < len(self._text):
            match = _TOKEN.match(self._text, at)
            if match is not None:
                kind, text = str(match.lastgroup), match[0]
            elif self._text[at] == "%":
                kind, text = "percent", "%"
            elif self._text[at] in "\"'":
                fail(self._text, at + 1, "this quote isn't closed")
            else:
                fail(self._text, at + 1, f"'{self._text[at]}' means nothing here", _hint(self._text[at]))
            if kind != "space":
                tokens.append(_Token(kind, text, at + 1))
            at += len(text)
        return [*tokens, _Token("end", "", len(self._text) + 1)]

    @property
    def _next(self) -> _Token:
        return self._tokens[self._at]

    def _take(self) -> _Token:
        token = self._next
        self._at += 1
        return token

    def _wrong(self, expected: str) -> NoReturn:
        found = f"found '{self._next.text}'" if self._next.kind != "end" else "it ends here"
        fail(self._text, self._next.column, f"expected {expected}, {found}")

    # ── by rank ──────────────────────────────────────────────────────────────────────────────────

    def _operations(self, rank: int) -> Node:
        """Operations that bind at least as closely as ``rank``, from left to right."""
        left = self._value()
        while (found := _RANKS.get(self._next.text)) is not None and found >= rank:
            token = self._take()
            right = self._operations(found + 1)
            operator = cast(Arithmetic | Comparing | Joining, token.text)
            left = Operation(operator, left, right, token.column)
            if found == _RANKS["<"] and self._next.text in _COMPARING:
                fail(self._text, self._next.column, "a second comparison", "Join the two: a < b and b < c.")
        return left

    def _value(self) -> Node:
        self._depth += 1
        if self._depth > DEEPEST:
            fail(self._text, self._next.column, f"more than {DEEPEST} levels of parentheses and signs")
        token = self._next
        if token.text == "-":
            self._take()
            node: Node = Negative(self._value())
        elif token.text == "(":
            self._take()
            node = self._operations(1)
            if self._next.text != ")":
                self._wrong("')'")
            self._take()
        elif token.kind == "number":
            node = self._number()
        elif token.kind in ("name", "quoted") and token.text not in ("and", "or"):
            node = self._figure()
        else:
            self._wrong("a figure, a number or '('")
        self._depth -= 1
        return node

    def _number(self) -> Number:
        value, unit = Decimal(self._take().text), ""
        if self._next.text.casefold() in _UNITS:
            unit = self._take().text.casefold()
        elif self._next.kind == "name" and self._next.text not in ("and", "or"):
            self._wrong("a unit: ms, s, % or usd")
        return Number(value, cast(Unit, unit))

    def _figure(self) -> Figure:
        token = self._take()
        variant = token.text
        if token.kind == "quoted":
            quote = variant[0]
            variant = variant[1:-1].replace(quote * 2, quote)
        parts: list[str] = []
        while self._next.text == ".":
            self._take()
            if self._next.kind != "name":
                self._wrong("the name of a figure")
            parts.append(self._take().text)
        if not parts:
            self._wrong(f"a dot and a figure after the variant '{variant}', such as .voice_to_voice.p95")
        return Figure(variant, ".".join(parts), token.column)


def _hint(character: str) -> str | None:
    if character == "=":
        return "Equal is written ==; a variant's name with a = in it stands in quotes: 'tts=piper'.success."
    if character in "&|":
        return "Conditions are joined with 'and' and 'or'."
    return "A variant's name that holds more than letters, digits and _ stands in quotes."


# ── and back ─────────────────────────────────────────────────────────────────────────────────────


def written(node: Node) -> str:
    """The text that ``parse`` reads as ``node``, but for the columns."""
    return _written(node, 1)


def _written(node: Node, rank: int) -> str:
    if isinstance(node, Number):
        return f"{node.value:f}{' ' if node.unit == 'usd' else ''}{node.unit}"
    if isinstance(node, Figure):
        return f"{named(node.variant)}.{node.name}"
    if isinstance(node, Negative):
        return f"-{_written(node.of, 6)}"
    own = _RANKS[node.operator]
    text = f"{_written(node.left, own)} {node.operator} {_written(node.right, own + 1)}"
    if own == _RANKS["<"]:
        text = f"{_written(node.left, own + 1)} {node.operator} {_written(node.right, own + 1)}"
    return f"({text})" if own < rank else text


def named(variant: str) -> str:
    """``variant`` as a condition names it: in quotes unless it is a plain name."""
    if _NAME.fullmatch(variant) and variant not in ("and", "or"):
        return variant
    doubled = variant.replace('"', '""')
    return f'"{doubled}"'
