"""How soon the agent fell silent when the caller took the word."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MethodType
from typing import Any

from voicepipe.core.frames import Heard, PlaybackStarted, PlaybackStopped, SpeechStarted
from voicepipe.core.records import SpeechIgnored, StateChanged, TurnEnded
from voicepipe.speech.policy import State

_SILENT = frozenset({State.PAUSED, State.HELD})


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

    def reads(self, kind: type[Any]) -> Callable[[Any], object] | None:
        """What has to be called with each event of a type, and besides ``end``; None: nothing."""
        read = _READ.get(kind)
        return None if read is None else MethodType(read, self)

    def _play(self, event: PlaybackStarted) -> None:
        if event.turn != self._turn:
            self._turn, self._paused_ns, self._onsets = event.turn, None, []
        self._stopped_ns = None

    def _stop(self, event: PlaybackStopped | Heard) -> None:
        if event.turn == self._turn and self._stopped_ns is None:
            self._stopped_ns = event.at_ns if self._paused_ns is None else self._paused_ns

    def _hear(self, event: Heard) -> None:
        if event.final:
            self._stop(event)

    def _note_state(self, event: StateChanged) -> None:
        if event.state not in _SILENT:
            self._paused_ns = None
        elif self._paused_ns is None:
            self._paused_ns = event.at_ns

    def _speak(self, event: SpeechStarted) -> None:
        if self._turn is not None and self._silent_ns is None:
            self._onsets.append((event.position, event.onset_ns))

    def _ignore(self, event: SpeechIgnored) -> None:
        self._onsets = [one for one in self._onsets if one[0] > event.utterance]

    @property
    def _silent_ns(self) -> int | None:
        since = [ns for ns in (self._stopped_ns, self._paused_ns) if ns is not None]
        return min(since, default=None)

    def end(self, event: TurnEnded) -> int | None:
        """The nanoseconds, if the reply was interrupted by speech."""
        if event.turn != self._turn:
            return None
        onsets, silent_ns = self._onsets, self._silent_ns
        self._turn, self._stopped_ns, self._paused_ns, self._onsets = None, None, None, []
        if event.status != "interrupted" or not onsets:
            return None
        return max(0, (event.at_ns if silent_ns is None else silent_ns) - onsets[0][1])


_READ: Mapping[type[Any], Callable[[Silences, Any], object]] = {
    PlaybackStarted: Silences._play,
    PlaybackStopped: Silences._stop,
    Heard: Silences._hear,
    StateChanged: Silences._note_state,
    SpeechStarted: Silences._speak,
    SpeechIgnored: Silences._ignore,
}
