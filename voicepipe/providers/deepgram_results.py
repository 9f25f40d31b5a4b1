"""What Deepgram's messages say of one utterance.

Protocol: https://developers.deepgram.com/reference/speech-to-text/listen-streaming (``Results``,
``UtteranceEnd``), https://developers.deepgram.com/docs/finalize and /docs/keep-alive: times count the audio
that was sent on the connection, not what passes by the clock.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from voicepipe.core.frames import Word
from voicepipe.providers.base import Hypothesis
from voicepipe.providers.vendor_errors import bad_answer, failed
from voicepipe.speech.utterances import bare_words

PROVIDER = "deepgram"

SLACK_MS = 20
"""Times are rounded, and a result may end a block before the audio does."""

LONGEST_TEXT = 100_000
"""Characters: two hours of speech; more is a server that has gone mad."""

_Segment = tuple[str, tuple[Word, ...]]


class Heard:
    """One utterance, whose audio begins ``since_ms`` after that of the connection.

    A final result covers a stretch of audio for good, an interim one is what may become of the stretch after
    it. What belongs to the utterance before is left out: its last answer may come late. ``told`` makes of the
    server's own words what may be passed on.
    """

    def __init__(self, since_ms: float, told: Callable[[str], str]) -> None:
        self._since_ms = since_ms
        self._told = told
        self._finals: list[_Segment] = []
        self._interim: _Segment = ("", ())
        self._length = 0
        self._covered_ms = 0.0
        self._flushed = False
        self._ended: list[str] = []
        """The words after which Deepgram held the speech to be over."""

    def note(self, raw: str | bytes) -> bool:
        """Take a message; True if there is something new to tell. Raises ``ProviderError``."""
        try:
            message = json.loads(raw)
        except ValueError:
            raise bad_answer(PROVIDER, "the server sent what isn't JSON") from None
        if not isinstance(message, dict):
            raise bad_answer(PROVIDER, "the server sent JSON that isn't an object")
        before = self._text(), self._ends_turn()
        match message.get("type"):
            case "Results":
                self._note_results(message)
            case "UtteranceEnd":
                self._note_end(message)
            case "Error":
                text = message.get("description") or message.get("message") or "without a reason"
                raise failed(PROVIDER, f"the server sent an error: {self._told(str(text))}")
        return (self._text(), self._ends_turn()) != before

    def complete(self, sent_ms: float) -> bool:
        """Whether nothing more can come, given that all audio was sent and ``Finalize`` after it.

        The answer to that, ``from_finalize``, isn't certain to come if all was final before.
        """
        return self._flushed or self._covered_ms >= sent_ms - SLACK_MS

    def hypothesis(self, *, final: bool = False) -> Hypothesis:
        segments = [*self._finals, self._interim]
        return Hypothesis(
            text=self._text(),
            final=final,
            words=tuple(word for _, words in segments for word in words),
            ends_turn=self._ends_turn(),
        )

    def _ends_turn(self) -> bool:
        return bool(self._ended) and bare_words(self._text()) == self._ended

    def _text(self) -> str:
        return " ".join(text for text, _ in [*self._finals, self._interim] if text)

    def _note_results(self, message: dict[str, Any]) -> None:
        try:
            end_ms = _ms(message["start"]) + _ms(message["duration"]) - self._since_ms
            alternatives = message["channel"]["alternatives"]
            segment = self._segment(alternatives[0]) if alternatives else ("", ())
        except (KeyError, IndexError, TypeError, ValueError, AttributeError):
            raise bad_answer(PROVIDER, "a result has not the shape that was expected") from None
        if end_ms <= SLACK_MS:
            return
        by_command = message.get("from_finalize") is True
        if message.get("is_final") is True:
            self._covered_ms = max(self._covered_ms, end_ms)
            self._interim = ("", ())
            if segment[0]:
                self._finals.append(segment)
                self._length += len(segment[0])
            self._flushed = self._flushed or by_command
        else:
            self._interim = segment
        if self._length + len(segment[0]) > LONGEST_TEXT:
            raise bad_answer(PROVIDER, f"the transcript is longer than {LONGEST_TEXT} characters")
        # What was cut off by our own command says nothing of the caller.
        if message.get("speech_final") is True and not by_command:
            self._ended = bare_words(self._text())

    def _note_end(self, message: dict[str, Any]) -> None:
        try:
            after_ms = _ms(message["last_word_end"]) - self._since_ms
        except (KeyError, TypeError, ValueError):
            raise bad_answer(PROVIDER, "an UtteranceEnd has not the shape that was expected") from None
        if after_ms > SLACK_MS:
            self._ended = bare_words(self._text())

    def _segment(self, alternative: dict[str, Any]) -> _Segment:
        text = alternative["transcript"]
        if not isinstance(text, str):
            raise TypeError("a transcript is text")
        words = tuple(
            Word(
                text=str(word.get("punctuated_word") or word["word"]),
                start_ms=self._within(word["start"]),
                end_ms=self._within(word["end"]),
            )
            for word in alternative.get("words") or ()
        )
        return text.strip(), words

    def _within(self, seconds: Any) -> int:
        return max(0, round(_ms(seconds) - self._since_ms))


def _ms(seconds: Any) -> float:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not -1 < seconds < 1e7:
        raise ValueError("not a time in seconds")
    return seconds * 1000
