"""What nobody may read of a call: card numbers, telephone numbers, addresses. Pure.

=========  ==========================================================================================
``card``   13 to 19 figures that add up as those of a card do (Luhn's formula, ISO/IEC 7812-1 annex B),
           or that are grouped or spoken as one, whatever they add up to: recognisers mishear figures
``iban``   two letters, two figures and 11 to 30 letters and figures (ISO 13616)
``phone``  7 to 15 figures (ITU-T E.164) behind a plus, in groups or spoken; 10 and more in one piece
``email``  ``ann@example.com``, and "ann at example dot com"
``digits`` four figures and more of any kind
=========  ==========================================================================================

Rather one number too many than one too few: what is masked can't be told from what had to be.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from voicepipe.config.record import Private
from voicepipe.observe.cards import CARD, GROUPS, holds_card, leaves_of, luhn, split_cards, with_leaves
from voicepipe.observe.number_runs import Group, NumberFinder, Run, figures, is_spoken, split

LONGEST_TEXT = 20_200
"""Characters that are looked at, and remain; the log writes 20,000 of them."""

LONGEST_NUMBER = 100
"""Figures of a whole number in plain data that are looked at."""

DEEPEST = 16
"""Levels of plain data that remain, as in the log."""

PHONE = range(7, 16)
BARE_PHONE = range(10, 16)
MANY = 40
"""Figures in one piece from here on hide a card in any case: it isn't looked for."""

PIECEWISE = 8
"""Figures of a number that goes on from what was said before, from which on it is masked."""

FEW = 3
"""Figures that ``digits`` leaves alone."""

_DASHES = r"\-‐-―−"
_CARD_GAP = re.compile(rf"[\s{_DASHES}_]{{0,4}}")
_PHONE_GAP = re.compile(rf"[\s{_DASHES}./()]{{0,4}}")
_PLUS = re.compile(r"(?:\+|\b(?:plus|double zero))[\s(]*$", re.IGNORECASE)
_YEAR = re.compile(r"(?:19|20)\d\d")
_PAINT = "§"
"""In the place of what was found: a mark that nothing stands across."""

_UUID = re.compile(r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b")
_UUID_LENGTH = 36
_IBAN = re.compile(
    r"(?<![^\W_])"
    r"(?:[A-Za-z]{2}\d{2}(?:[ -]?[A-Z0-9]{4}){2,7}(?:[ -]?[A-Z0-9]{1,3})?|[a-z]{2}\d{2}[a-z0-9]{11,30})"
    r"(?![^\W_])"
)
_AT = r"(?:\s*@\s*|\s+(?:at|ät|arroba|arobase|chiocciola|apenstaartje)\s+)"
_DOT = r"(?:\.|\s+(?:dot|point|punkt|punto|ponto|punt)\s+)"
_ADDRESS = re.compile(rf"{_AT}[\w-]+(?:{_DOT}[\w-]+)+", re.IGNORECASE)
_NAME = re.compile(
    r"(?<![\w.%+-])(?:[\w][\s-]+){0,20}[\w.%+-]+"
    r"(?:\s+(?:dot|point|punkt|punto|ponto|punt|underscore|dash|hyphen|minus|plus)\s+[\w.%+-]+)*$",
    re.IGNORECASE,
)
_LONGEST_NAME = 120
_TOP_LEVEL = re.compile(r"\.(?:com|net|org|edu|gov|info|biz|app|dev|[a-z]{2})$")
_LOOKED = frozenset(
    (
        "look",
        "looks",
        "looked",
        "looking",
        "is",
        "was",
        "are",
        "am",
        "be",
        "here",
        "there",
        "it",
        "that",
        "us",
    )
)
"""Words before "at example.com" that are no name."""


class Span(NamedTuple):
    start: int
    end: int
    kind: str


class Redactor:
    """Masks ``kinds`` in texts, and in all texts and numbers of plain values. ``language``: of the speech."""

    def __init__(self, kinds: Collection[Private], *, language: str = "en-US") -> None:
        self._kinds = frozenset(kinds)
        self._numbers = NumberFinder(language)

    def text(self, text: str) -> str:
        """``text`` with what is private as ``[card]``; the same object if nothing is."""
        text = _bounded(text)
        return _masked(text, self._spans(text))

    def following(self, before: str, text: str) -> str:
        """``text`` as what goes on from ``before``, and may go on itself: numbers are said in pieces.

        A number that reaches from one into the other, or to the end, is masked from its eighth figure on,
        whatever it may become.
        """
        text = _bounded(text)
        joined, offset = f"{before} {text}", len(before) + 1
        spans = (
            Span(max(0, span.start - offset), span.end - offset, span.kind)
            for span in self._spans(joined, joint=len(before))
            if span.end > offset
        )
        return _masked(text, spans)

    def part(self, text: str) -> str:
        """``text`` as a part of one in which something is private: no figure remains."""
        text = self.text(text)
        return _masked(text, (_span(run, "digits") for run in self._numbers.runs(text)))

    def hides(self, text: str) -> bool:
        """Whether anything of ``text`` is masked."""
        return self.text(text) is not text

    def ends_in_number(self, text: str) -> bool:
        """Whether more of a number may follow."""
        return any(_at_end(text, run) for run in self._numbers.runs(text))

    def value(self, value: Any, depth: int = 0) -> Any:
        """Plain data with its texts, keys and numbers masked; what is JSON in a text stays JSON.

        A card that is split over several values is masked in each of them (``observe/cards.py``). Deeper than
        the log writes it, there is nothing.
        """
        if depth > DEEPEST:
            return "…"
        if depth == 0 and "card" in self._kinds and isinstance(value, Mapping | list | tuple):
            value = self._without_split_cards(value)
        if isinstance(value, str):
            return self._json(value) if _may_be_json(value) else self.text(value)
        if isinstance(value, bool) or value is None:
            return value
        if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
            written = str(int(value)) if abs(value) < 10**LONGEST_NUMBER else "9" * LONGEST_NUMBER
            masked = self.text(written)
            return value if masked == written else masked
        if isinstance(value, Mapping):
            return {self.value(key): self.value(one, depth + 1) for key, one in value.items()}
        if isinstance(value, list | tuple):
            hidden = self._in_pieces(value)
            return type(value)(
                [hidden.get(index) or self.value(one, depth + 1) for index, one in enumerate(value)]
            )
        return value

    def _without_split_cards(self, value: Any) -> Any:
        leaves = list(leaves_of(value, DEEPEST))
        hidden = split_cards(leaves, self._numbers)
        if not hidden:
            return value
        masked = ("[card]" if index in hidden else leaf for index, leaf in enumerate(leaves))
        return with_leaves(value, masked, DEEPEST)

    def _in_pieces(self, items: Sequence[Any]) -> dict[int, str]:
        """By their index, items that are private together: ``["4111", "1111", "1111", "1111"]``."""
        if not 1 < len(items) <= LONGEST_NUMBER or not (_are_figures(items) or _are_card(items)):
            return {}
        spans, end, hidden = self._spans(" ".join(map(str, items))), -1, {}
        for index, item in enumerate(items):
            start, end = end + 1, end + 1 + len(str(item))
            for span in spans:
                if span.start < end and start < span.end:
                    hidden[index] = f"[{span.kind}]"
        return hidden

    def _json(self, text: str) -> str:
        try:
            found = json.loads(text)
            masked = self.value(found)
        except (ValueError, RecursionError):
            return self.text(text)
        if masked == found:
            return text
        return json.dumps(masked, ensure_ascii=False, separators=(",", ":"))

    # ── finding ──────────────────────────────────────────────────────────────────────────────────

    def _spans(self, text: str, joint: int | None = None) -> list[Span]:
        """In their order and without overlap.

        What was found is painted over before the next is looked for, until nothing more is: so what is left
        holds nothing, however often one looks.
        """
        spans: list[Span] = []
        while found := self._first_found(text, joint):
            for span in found:
                text = f"{text[: span.start]}{_PAINT * (span.end - span.start)}{text[span.end :]}"
            spans += found
        return sorted(spans)

    def _first_found(self, text: str, joint: int | None) -> list[Span]:
        for kind, find in (("email", _addresses), ("iban", _ibans)):
            if kind in self._kinds and (found := list(find(text))):
                return found
        if not self._kinds - {"email"}:
            return []
        runs = tuple(self._numbers.runs(text))
        for search in (self._open_ended, self._cards, self._phones, self._digits):
            if found := [span for run in runs for span in search(text, run, joint)]:
                return found
        return []

    def _open_ended(self, text: str, run: Run, joint: int | None) -> Iterator[Span]:
        if joint is None or len(figures(run)) < PIECEWISE:
            return
        if run[0].start < joint < run[-1].end or _at_end(text, run):
            yield _span(run, self._numeric)

    def _cards(self, text: str, run: Run, joint: int | None) -> Iterator[Span]:
        if "card" in self._kinds or ("iban" in self._kinds and is_spoken(run)):
            yield from _cards(text, run, self._numeric)

    def _phones(self, text: str, run: Run, joint: int | None) -> Iterator[Span]:
        if "phone" in self._kinds:
            yield from _phones(text, run)

    def _digits(self, text: str, run: Run, joint: int | None) -> Iterator[Span]:
        if "digits" in self._kinds and len(figures(run)) > FEW:
            yield _span(run, "digits")

    @property
    def _numeric(self) -> str:
        return next(kind for kind in ("card", "iban", "phone", "digits") if kind in self._kinds)


def _bounded(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else text[:LONGEST_TEXT]  # slicing makes a new text


def _are_figures(items: Sequence[Any]) -> bool:
    return all(isinstance(item, str) and item.isdecimal() for item in items)


def _are_card(items: Sequence[Any]) -> bool:
    """Whether whole numbers are a card's figures or its groups; others are mostly just numbers."""
    if not all(type(item) is int and 0 <= item < 10**6 for item in items):
        return False
    sizes = tuple(len(str(item)) for item in items)
    written = "".join(map(str, items))
    return (set(sizes) == {1} or sizes in GROUPS) and len(written) in CARD and luhn(written)


def _may_be_json(text: str) -> bool:
    return text.startswith(("{", "[")) and len(text) <= LONGEST_TEXT


def _span(run: Run, kind: str) -> Span:
    return Span(run[0].start, run[-1].end, kind)


def _at_end(text: str, run: Run) -> bool:
    """Whether nothing but marks follows."""
    return not any(letter.isalnum() or letter == _PAINT for letter in text[run[-1].end :])


def _masked(text: str, spans: Iterable[Span]) -> str:
    parts, end = [], 0
    for span in spans:
        parts += [text[end : span.start], f"[{span.kind}]"]
        end = span.end
    return "".join([*parts, text[end:]]) if parts else text


# ── numbers ──────────────────────────────────────────────────────────────────────────────────────


def _cards(text: str, run: Run, kind: str) -> Iterator[Span]:
    spoken = is_spoken(run) and len(figures(run)) >= CARD.start
    if spoken or tuple(len(group.figures) for group in run) in GROUPS:
        yield _span(run, kind)
    else:
        for piece in split(text, run, _CARD_GAP):
            found = figures(piece)
            grouped = len(piece) > 1 and len(found) in CARD
            if grouped or len(found) >= MANY or holds_card(found):
                yield _span(piece, kind)


def _phones(text: str, run: Run) -> Iterator[Span]:
    first = run[0].start
    if any(
        one.end() > first for one in _UUID.finditer(text, max(0, first - _UUID_LENGTH), first + _UUID_LENGTH)
    ):
        return
    for whole in split(text, run, _PHONE_GAP):
        for piece in _without_dates(whole):
            plus = _PLUS.search(text, max(0, piece[0].start - 20), piece[0].start)
            if len(figures(piece)) in PHONE and (plus or _like_a_phone(text, piece)):
                yield Span(plus.start() if plus else piece[0].start, piece[-1].end, "phone")


def _like_a_phone(text: str, run: Run) -> bool:
    if is_spoken(run):
        return True
    if len(run) == 1:
        return len(run[0].figures) in BARE_PHONE
    gaps = [text[one.end : other.start] for one, other in pairwise(run)]
    dotted = all(gap == "." for gap in gaps)
    if dotted and len(run) == 4 and all(int(group.figures) < 256 for group in run):
        return False  # an address on the internet
    return not dotted or len(run) > 2  # 3.1415926


def _without_dates(run: Run) -> Iterator[Run]:
    """``run`` in pieces, without 2026-11-23, 23.11.2026 and their like."""
    piece: list[Group] = []
    at = 0
    while at < len(run):
        if _is_date(run[at : at + 3]):
            if piece:
                yield tuple(piece)
            piece, at = [], at + 3
        else:
            piece.append(run[at])
            at += 1
    if piece:
        yield tuple(piece)


def _is_date(run: Run) -> bool:
    if len(run) < 3 or is_spoken(run):
        return False
    sizes = tuple(len(group.figures) for group in run)
    year = {4: 0}.get(sizes[0], 2)
    others = [group.figures for index, group in enumerate(run) if index != year]
    if not _YEAR.fullmatch(run[year].figures):
        return False
    return all(len(other) <= 2 and 0 < int(other) < 32 for other in others)


# ── letters ──────────────────────────────────────────────────────────────────────────────────────


def _ibans(text: str) -> Iterator[Span]:
    for match in _IBAN.finditer(text):
        bare = match[0].replace(" ", "").replace("-", "")
        if 15 <= len(bare) <= 34 and sum(map(str.isdecimal, bare)) >= 8:
            yield Span(match.start(), match.end(), "iban")


def _addresses(text: str) -> Iterator[Span]:
    for match in _ADDRESS.finditer(text):
        name = _NAME.search(text, max(0, match.start() - _LONGEST_NAME), match.start())
        if name is None:
            continue
        said = "@" not in match[0]
        dotted = not re.search(r"\s(?:dot|point|punkt|punto|ponto|punt)\s", match[0], re.IGNORECASE)
        if said and name[0].casefold() in _LOOKED:
            continue
        if said and dotted and not _TOP_LEVEL.search(match[0].casefold()):  # "I'm at work.Then"
            continue
        yield Span(name.start(), match.end(), "email")
