"""How soon the agent fell silent when the caller took the word."""

from __future__ import annotations

from typing import Any

from voicepipe.core.frames import Heard, PlaybackStarted, PlaybackStopped, SpeechStarted
from voicepipe.core.records import SpeechIgnored, StateChanged, TurnEnded
from voicepipe.speech.policy import State

_SILENT = frozenset({State.PAUSED, State.HELD})

_SEEN = frozenset(
    {PlaybackStarted, PlaybackStopped, Heard, StateChanged, SpeechStarted, SpeechIgnored, TurnEnded}
)
"""Most events are none of these, and are done with at once."""


class Silences:
    """Reads the events of one call, and tells of each interrupted reply when it ends.

    Counted from the onset of the caller's first speech during the reply that wasn't ignored, up to the last
    moment in which the reply was played: playout stopped then for good, or paused and never went on. A reply
    that the caller interrupted otherwise (by typing, by the key to talk), or that wasn't being played when
    the speech began, has none.
    """

    def __init__(self) -> None:
        self._turn: int | None = None
        """The reply that has been audible."""
        self._stopped_ns: int | None = None
        """Since when there is nothing of it to be played."""
        self._paused_ns: int | None = None
        """Since when it is held back."""
        self._onsets: list[tuple[int, int]] = []
        """``(position, onset)`` of what the caller has said meanwhile."""

    def read(self, event: Any) -> int | None:
        """The nanoseconds, if ``event`` ends a reply that was interrupted by speech."""
        if type(event) not in _SEEN:
            return None
        match event:
            case PlaybackStarted():
                if event.turn != self._turn:
                    self._turn, self._paused_ns, self._onsets = event.turn, None, []
                self._stopped_ns = None
            case PlaybackStopped() | Heard(final=True):
                if event.turn == self._turn and self._stopped_ns is None:
                    self._stopped_ns = event.at_ns if self._paused_ns is None else self._paused_ns
            case StateChanged():
                if event.state not in _SILENT:
                    self._paused_ns = None
                elif self._paused_ns is None:
                    self._paused_ns = event.at_ns
            case SpeechStarted():
                if self._turn is not None and self._silent_ns is None:
                    self._onsets.append((event.position, event.onset_ns))
            case SpeechIgnored():
                self._onsets = [one for one in self._onsets if one[0] > event.utterance]
            case TurnEnded() if event.turn == self._turn:
                return self._end(event)
        return None

    @property
    def _silent_ns(self) -> int | None:
        since = [ns for ns in (self._stopped_ns, self._paused_ns) if ns is not None]
        return min(since, default=None)

    def _end(self, event: TurnEnded) -> int | None:
        onsets, silent_ns = self._onsets, self._silent_ns
        self._turn, self._stopped_ns, self._paused_ns, self._onsets = None, None, None, []
        if event.status != "interrupted" or not onsets:
            return None
        return max(0, (event.at_ns if silent_ns is None else silent_ns) - onsets[0][1])
