"""A chunk of text → pieces that an engine can speak one after the other, and characters that it bears.

The chunker decides what is spoken together; this only bounds how long an engine is busy at a time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

BREAKS = (
    re.compile(r"[.!?…]['\")\]]*\s+|[。！？]"),
    re.compile(r"[,;:]\s+|[，、；：]"),
    re.compile(r"\s+"),
)
"""Where a piece may end, best first: sentences, clauses, words."""

CONTROL = {code: " " for code in range(32) if chr(code) not in "\t\n\r"}


def pieces(text: str, limit: int) -> Iterator[tuple[str, bool]]:
    """Cut ``text`` into pieces of at most ``limit`` characters, and say of each whether it is the last.

    A piece ends with the best break that it can hold, within a word only if it holds none. Joined they are
    the text; of an empty text there is one, empty piece.
    """
    while len(text) > limit:
        ends = ([found.end() for found in pattern.finditer(text[:limit])] for pattern in BREAKS)
        cut = next((found[-1] for found in ends if found), limit)
        yield text[:cut], False
        text = text[cut:]
    yield text, True


def harmless(text: str) -> str:
    """``text``, as long as before, without what isn't text to a synthesiser.

    Control characters (NUL ends a C string, and in espeak U+0001 begins a command) become spaces, halves of
    surrogate pairs, which UTF-8 can't write, question marks.
    """
    return text.translate(CONTROL).encode("utf-8", "replace").decode()
