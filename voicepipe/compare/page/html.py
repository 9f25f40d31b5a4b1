"""Markup that is safe by its making: a text is escaped where it enters a tag, and nothing else makes tags."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable

MAX_TEXT = 1_200
"""Characters of one text: what an agent says in a minute and a half."""

_VOID = frozenset({"meta", "input", "br"})
_LEAVES = frozenset({"rect", "path", "line", "circle"})
"""Elements of pictures that may be closed where they begin."""

_NOT_TEXT = re.compile("[\ud800-\udfff\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff]")
"""Lone surrogates have no UTF-8, and HTML has no control characters."""

_DIRECTIONS = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069\u061c]")
"""What turns the direction of the text around it; an attribute has no ``<bdi>`` that contains it."""


class Html(str):
    """Complete, escaped markup."""

    __slots__ = ()


Node = str | Html | None
Nodes = Node | Iterable["Nodes"]
"""One, or any nesting of them."""

Attribute = str | int | float | bool | None


def tag(name: str, /, *children: Nodes, **attributes: Attribute) -> Html:
    """``<name …>children</name>``; every child that isn't ``Html`` is escaped, None is left out.

    Attributes are written ``class_``, ``data_at`` for ``class``, ``data-at``. True is the bare name, False
    and None leave it out. There is no ``style``: the page's policy would ignore it.
    """
    written = "".join(_attribute(key, value) for key, value in attributes.items())
    if name in _VOID:
        return Html(f"<{name}{written}>")
    inner = join(*children)
    if name in _LEAVES and not inner:
        return Html(f"<{name}{written}/>")
    return Html(f"<{name}{written}>{inner}</{name}>")


def join(*children: Nodes) -> Html:
    """One after the other."""
    return Html("".join(_flat(children)))


def said(text: str, limit: int = MAX_TEXT) -> Html:
    """Foreign words, which can't turn the direction of what stands around them."""
    return tag("bdi", text if len(text) <= limit else text[:limit] + "… [cut]")


def clean(text: str) -> str:
    """``text`` without what can't stand in a document."""
    return _NOT_TEXT.sub("\ufffd", text)


def _flat(children: Iterable[Nodes]) -> Iterable[str]:
    for child in children:
        if isinstance(child, Html):
            yield child
        elif isinstance(child, str):
            yield html.escape(clean(child))
        elif child is not None:
            yield from _flat(child)


def _attribute(key: str, value: Attribute) -> str:
    name = key.rstrip("_").replace("_", "-")
    if value is None or value is False:
        return ""
    if value is True:
        return f" {name}"
    if isinstance(value, float):
        text = f"{value:.2f}".rstrip("0").rstrip(".")
    else:
        text = _DIRECTIONS.sub("", html.escape(clean(str(value))))
    return f' {name}="{text}"'
