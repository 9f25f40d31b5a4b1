"""The drafts of one turn: replies that are begun before it is certain that the caller has finished."""

from __future__ import annotations

from voicepipe.speech.utterances import bare_words

MAX_DRAFTS = 4
"""Of one turn. A recogniser that keeps changing its mind must not be expensive."""


class Drafts:
    """How many there were, and of which words the last one is, if it still counts."""

    def __init__(self) -> None:
        self._number = 0
        self._words: list[str] | None = None

    def begin(self, text: str) -> bool:
        """Whether a draft that answers ``text`` is to be begun now; then it is the last one."""
        words = bare_words(text)
        if self._number >= MAX_DRAFTS or not words or words == self._words:
            return False
        self._number, self._words = self._number + 1, words
        return True

    def fits(self, text: str) -> bool:
        """Whether the last one answers ``text``, however that is written."""
        return self._words == bare_words(text)

    def drop(self) -> None:
        """The last one is dead."""
        self._words = None

    def give_up(self) -> None:
        """It is dead, and no further one is to be tried."""
        self._number, self._words = MAX_DRAFTS, None
