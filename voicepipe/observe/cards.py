"""Card numbers: whether figures are one, and where one is split over the values of plain data. Pure.

A tool may take ``{"first": "4111 1111", "last": "1111 1111"}``: neither value is a card. Values that are
nothing but figures are read one after the other, in their order, whatever maps and lists they stand in. Most
numbers next to each other are dates, quantities and orders, so more is asked of these than of a text: the
issuer's prefix, its length, Luhn's formula, and pieces that nobody counts with.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from voicepipe.observe.number_runs import NumberFinder, figures

CARD = range(13, 20)
"""Figures of a card (ISO/IEC 7812-1)."""

GROUPS = {(4, 4, 4, 4), (4, 6, 5), (4, 4, 5), (4, 4, 4, 4, 3)}
"""As they are printed on it."""

LONGEST_PIECE = 100
"""Characters of a value that may be a piece."""

SMALLEST_PIECE = 3
"""Figures; shorter ones are quantities, unless all pieces are as short."""

_ISSUED = re.compile(
    r"4\d{15}(?:\d{3})?"  # Visa
    r"|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}"  # Mastercard
    r"|3[47]\d{13}"  # American Express
    r"|3(?:0[0-5]|[689]\d)\d{11}(?:\d\d)?"  # Diners Club
    r"|35(?:2[89]|[3-8]\d)\d{12}"  # JCB
    r"|6(?:011|4[4-9]\d|5\d\d)\d{12}(?:\d{3})?"  # Discover
    r"|62\d{14,17}"  # UnionPay
    r"|(?:50(?:18|20|38)|5893|6304|6759|676[1-3])\d{9,15}"  # Maestro
    r"|220[0-4]\d{12}"  # Mir
)
"""Prefixes and lengths in use, by issuer: https://en.wikipedia.org/wiki/Payment_card_number."""

_DATE = re.compile(
    r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
    r"|(?:19|20)\d\d([\s./-])[01]?\d\1[0-3]?\d"
    r"|[0-3]?\d([\s./-])[0-3]?\d\2(?:19|20)\d\d"
)
_MARKS = re.compile(r"[\s\-‐-―−_]*")
"""What may stand between and around the figures of a piece."""


def luhn(number: str) -> bool:
    """Every second figure from the right doubled, its figures added up: the sum is a multiple of ten."""
    every = [int(figure) for figure in reversed(number)]
    return (sum(every[::2]) + sum(sum(divmod(2 * figure, 10)) for figure in every[1::2])) % 10 == 0


def holds_card(found: str) -> bool:
    """Whether any 13 to 19 figures in a row pass Luhn's formula."""
    return any(luhn(found[start : start + size]) for size in CARD for start in range(len(found) - size + 1))


@dataclass(frozen=True, slots=True)
class Piece:
    """A value that is nothing but figures: the ``index``-th of all. ``counted``: a number, not a text."""

    index: int
    figures: str
    counted: bool


def split_cards(leaves: Iterable[Any], finder: NumberFinder) -> set[int]:
    """The indexes of those of ``leaves``, plain values in their order, that are a card together.

    Takes a time that is proportional to their number.
    """
    return {
        one.index for row in _rows(leaves, finder) for start in range(len(row)) for one in _at(row, start)
    }


def _at(row: list[Piece], start: int) -> list[Piece]:
    """The most of ``row`` from ``start`` on that is one card; two pieces at least."""
    found: list[Piece] = []
    size = 0
    for end in range(start, len(row)):
        size += len(row[end].figures)
        if size >= CARD.stop:
            break
        pieces = row[start : end + 1]
        if size in CARD and len(pieces) > 1 and _is_card(pieces):
            beside = row[max(0, start - 1) : start] + row[end + 1 : end + 2]
            found = found if _in_a_table(pieces, beside) else pieces
    return found


def _in_a_table(pieces: list[Piece], beside: list[Piece]) -> bool:
    """Whether numbers go on being as long as these: prices by the dozen, of which some add up."""
    sizes = {len(one.figures) for one in pieces if one.counted}
    return any(one.counted and len(one.figures) in sizes for one in beside)


def _is_card(pieces: list[Piece]) -> bool:
    number = "".join(one.figures for one in pieces)
    sizes = tuple(len(one.figures) for one in pieces)
    if any(one.counted for one in pieces):
        cut = sizes in GROUPS or sizes == (8, 8)
    else:
        cut = min(sizes) >= SMALLEST_PIECE or len(set(sizes)) == 1
    return cut and _ISSUED.fullmatch(number) is not None and luhn(number)


def _rows(leaves: Iterable[Any], finder: NumberFinder) -> Iterator[list[Piece]]:
    """Pieces with nothing between them but values that hold no figure."""
    row: list[Piece] = []
    for index, leaf in enumerate(leaves):
        found = _figures(leaf, finder)
        if found:
            row.append(Piece(index, found, counted=not isinstance(leaf, str)))
        elif found is None:
            yield row
            row = []
    yield row


def _figures(leaf: Any, finder: NumberFinder) -> str | None:
    """Those of a value that is nothing else; empty if it has none, None if there is more than figures."""
    if isinstance(leaf, bool) or leaf is None:
        return ""
    if isinstance(leaf, float) and leaf.is_integer():
        leaf = int(leaf)
    if isinstance(leaf, int):
        return str(leaf) if 0 <= leaf < 10**CARD.stop else None
    if not isinstance(leaf, str) or len(leaf) > LONGEST_PIECE or _DATE.fullmatch(leaf.strip()):
        return None
    runs = list(finder.runs(leaf))
    if not runs:
        return ""
    begins = [0, *(group.end for group in runs[0])]
    ends = [*(group.start for group in runs[0]), len(leaf)]
    spoken = any(group.spoken for group in runs[0])
    whole = len(runs) == 1 and all(
        spoken or _MARKS.fullmatch(leaf, begin, end) for begin, end in zip(begins, ends, strict=True)
    )
    return figures(runs[0]) if whole else None


# ── plain data ───────────────────────────────────────────────────────────────────────────────────


def leaves_of(value: Any, deepest: int) -> Iterator[Any]:
    """The values in maps and lists, in their order, down to so many levels."""
    if isinstance(value, Mapping) and deepest >= 0:
        for one in value.values():
            yield from leaves_of(one, deepest - 1)
    elif isinstance(value, list | tuple) and deepest >= 0:
        for one in value:
            yield from leaves_of(one, deepest - 1)
    else:
        yield value


def with_leaves(value: Any, leaves: Iterator[Any], deepest: int) -> Any:
    """``value`` with others in the places of its leaves: as many as ``leaves_of`` gave."""
    if isinstance(value, Mapping) and deepest >= 0:
        return {key: with_leaves(one, leaves, deepest - 1) for key, one in value.items()}
    if isinstance(value, list | tuple) and deepest >= 0:
        return type(value)([with_leaves(one, leaves, deepest - 1) for one in value])
    return next(leaves)
