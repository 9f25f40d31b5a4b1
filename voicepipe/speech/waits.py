"""How long a silence has to last before the caller's turn is over. Pure; all times in nanoseconds.

``silence`` waits the same for everybody. ``adaptive`` waits the less, the more finished the words and
the voice are (`voicepipe.speech.finished`), and longer for a caller who has been heard to pause for long.
``push_to_talk`` and ``provider`` leave the end to somebody else, who has until ``max_wait``.
"""

from __future__ import annotations

from collections import deque
from itertools import pairwise
from typing import Literal

from voicepipe.core.frames import Prosody
from voicepipe.core.units import MS
from voicepipe.speech.finished import finished

Strategy = Literal["silence", "adaptive", "push_to_talk", "provider"]
Patience = Literal["normal", "relaxed"]

RELAXED = 2
"""By what ``patience: relaxed`` multiplies every wait."""

_CURVE = ((1.0, 0.0), (0.8, 0.02), (0.5, 0.3), (0.2, 0.8), (0.1, 1.0), (0.0, 1.0))
"""How finished → share of the way from ``min_silence`` to ``max_wait``, straight lines between.

With the defaults of 300 ms and 2 s: 0.8 is 400 ms; what may go on just as well, 0.5, is 810 ms, more than the
half second that most pauses inside a sentence last at most.
"""

_SHORTEST_PAUSE = 200 * MS
"""Shorter ones are sounds that are silent for a moment, such as the closure of a "t", not hesitation."""

_LONGEST_PAUSE = 3000 * MS
"""Longer ones are thinking about an answer or looking for a card: they say nothing about the next pause."""

_REMEMBERED = 24
_TYPICAL = tuple(ms * MS for ms in (250, 300, 350, 400))
"""Counted with what is heard, so that a single long pause changes nothing, and the third one does."""

_SLOWEST = 2.0
"""Nobody makes the waits longer than this many times."""


class Waits:
    """The waits of one session.

    ``min_silence`` and ``max_wait`` are the least and the most that ``adaptive`` waits; ``silence`` waits
    ``min_silence``. ``patience="relaxed"`` doubles what is waited (``adaptive``: up to ``max_wait``).
    ``language`` is a tag such as ``en-US``, of which the first part counts.
    """

    def __init__(
        self,
        *,
        strategy: Strategy,
        min_silence: int,
        max_wait: int,
        patience: Patience = "normal",
        language: str = "en",
    ) -> None:
        self._strategy = strategy
        self._least = min_silence
        self._most = max(min_silence, max_wait)
        self._times = RELAXED if patience == "relaxed" else 1
        self._language = language
        self._pauses: deque[int] = deque(maxlen=_REMEMBERED)
        if strategy == "adaptive":
            finished("hello", language=language)  # the language is read now: 3 ms, else in the first turn

    def wait_ns(self, text: str, prosody: Prosody | None = None, asked: str = "") -> int:
        """How long after the end of speech the turn is over, if nothing else is heard.

        ``text`` is all that is known of the turn's words by now, "" if that is nothing; ``asked`` the words
        that the agent spoke last. To be called again whenever one of them changes.
        """
        if self._strategy == "silence":
            return self._least * self._times
        if self._strategy != "adaptive":
            return self._most
        share = _share(finished(text, language=self._language, prosody=prosody, asked=asked))
        wait = self._least + share * (self._most - self._least)
        return min(self._most, round(wait * self._times * self._slowness()))

    def note_pause(self, ns: int) -> None:
        """The caller paused for ``ns`` within a turn, and went on: whether it was waited for or cut off."""
        if _SHORTEST_PAUSE <= ns <= _LONGEST_PAUSE:
            self._pauses.append(ns)

    def _slowness(self) -> float:
        """By what the caller's pauses are longer than those of others: 1 to ``_SLOWEST``."""
        pauses = sorted((*_TYPICAL, *self._pauses))
        upper_quartile = pauses[(len(pauses) - 1) * 3 // 4]
        return min(_SLOWEST, max(1.0, upper_quartile / _TYPICAL[-1]))


def _share(done: float) -> float:
    for (upper, at_upper), (lower, at_lower) in pairwise(_CURVE):
        if done >= lower:
            return at_lower + (at_upper - at_lower) * (done - lower) / (upper - lower)
    return _CURVE[-1][1]
