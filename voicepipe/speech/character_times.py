"""When a voice says each word, from a voice that tells when it says each character."""

from __future__ import annotations

from collections.abc import Sequence

from voicepipe.core.frames import Word

FEWEST = 4
"""Letters by which a place farther on in the text is recognised; "in" stands everywhere."""

CharacterTime = tuple[str, float, float]
"""One or more characters, and from when to when they are said, in milliseconds."""


class CharacterTimes:
    """Characters come in portions that may split words; the words are those of ``text``, in its order.

    White space isn't compared. Where portions are missing, or don't say what ``text`` says, the time between
    their neighbours is divided evenly among the letters. Times are in milliseconds; the first letter is said
    no earlier than ``begins_ms``.
    """

    def __init__(self, text: str, begins_ms: float = 0.0) -> None:
        self._begins_ms = begins_ms
        self._words = text.split()
        self._letters = "".join(self._words)
        self._times: list[tuple[float, float]] = []
        """From when to when each letter is said, as far as it is known."""
        self._given = 0
        self._given_letters = 0

    def push(self, portion: Sequence[CharacterTime]) -> list[Word]:
        """The words that are complete now."""
        portion = [(found, start, end) for text, start, end in portion if (found := "".join(text.split()))]
        letters = "".join(text for text, _, _ in portion)
        place = self._letters.find(letters, len(self._times))
        known = place == len(self._times) or len(letters) >= FEWEST
        if not portion or place < 0 or not known:
            return []
        self._fill(place, portion[0][1])
        for text, start, end in portion:
            self._place(len(text), start, end)
        return self._complete()

    def finish(self, total_ms: float) -> list[Word]:
        """The rest, if anything is known at all. ``total_ms``: when the audio ends."""
        if self._times:
            self._fill(len(self._letters), total_ms)
        return self._complete()

    def _fill(self, place: int, until_ms: float) -> None:
        """Divide the time until the letter at ``place``."""
        missing = place - len(self._times)
        if missing:
            self._place(missing, self._times[-1][1] if self._times else self._begins_ms, until_ms)

    def _place(self, count: int, start: float, end: float) -> None:
        """The next ``count`` letters, evenly."""
        start = max(start, self._times[-1][0] if self._times else self._begins_ms)
        step = max(end - start, 0.0) / count
        self._times += [(start + n * step, start + (n + 1) * step) for n in range(count)]

    def _complete(self) -> list[Word]:
        complete = []
        for word in self._words[self._given :]:
            first, last = self._given_letters, self._given_letters + len(word) - 1
            if last >= len(self._times):
                break
            # A comma lasts as long as the pause behind it, in which no word is being said.
            spoken = next((n for n in range(last, first, -1) if self._letters[n].isalnum()), first)
            start, end = round(self._times[first][0]), round(self._times[spoken][1])
            complete.append(Word(text=word, start_ms=start, end_ms=max(start, end)))
            self._given_letters = last + 1
        self._given += len(complete)
        return complete
