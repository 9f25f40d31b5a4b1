"""The nearest name to one that doesn't exist, for "did you mean"."""

from __future__ import annotations

from collections.abc import Iterable

LONGEST = 100
"""Longer words aren't typing errors, and comparing them costs the product of the lengths."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The one of ``known`` that a person most likely meant by ``name``, or None if none is close."""
    from difflib import get_close_matches  # noqa: PLC0415 - only errors need it

    if len(name) > LONGEST:
        return None
    folded = {candidate.casefold(): candidate for candidate in known}
    matches = get_close_matches(name.casefold(), folded, n=1)
    return folded[matches[0]] if matches else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """``" Did you mean 'stt'?"``, to be put behind a sentence, or the empty string."""
    found = nearest(name, known)
    return f" Did you mean '{found}'?" if found else ""
