"""What an agent may say while a tool runs."""

from __future__ import annotations

from voicepipe.speech.chunker import has_words

SAY_LIMIT = 200
"""Characters: 13 s of speech. It is to fill a wait, not to lengthen it."""


def words_meanwhile(text: str) -> str:
    """``text`` in one line, if it is fit to be said while a tool runs; else a ``ValueError``."""
    words = " ".join(text.split())
    if not has_words(words):
        raise ValueError("expected words to be said while the tool runs, found none")
    if len(words) > SAY_LIMIT:
        raise ValueError(
            f"expected at most {SAY_LIMIT} characters to be said while the tool runs, found more"
        )
    return words
