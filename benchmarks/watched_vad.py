"""Silero, with a look at when each window was judged."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar

from voicepipe.core.frames import Pcm
from voicepipe.providers.base import BatchedVadStream, VadStream
from voicepipe.providers.silero import Silero

Judged = Callable[[int, bool], None]
JUDGED: ContextVar[Judged] = ContextVar("JUDGED")
"""Of the call that is begun in this context: told at each answer how many samples have been answered for, and
whether the network has judged the last window. One that the gate kept from it is answered at once: it is
never late, and would only make the others look better."""


class WatchedSilero(Silero):
    name = "watched-silero"

    def open(self, rate: int) -> VadStream:
        stream = super().open(rate)
        assert isinstance(stream, BatchedVadStream), "Silero's model is one whose rows are sessions"
        return _Watched(stream, JUDGED.get())


class _Watched:
    def __init__(self, stream: BatchedVadStream, judged: Judged) -> None:
        self.window = stream.window
        self.settle = stream.settle
        self.probability = stream.probability
        self._stream = stream
        self._judged = judged
        self._samples = 0
        self._at_once = False
        self._answer: Callable[[float | Exception], None] = lambda given: None

    def submit(self, window: Pcm, answer: Callable[[float | Exception], None]) -> None:
        self._answer, self._at_once = answer, True
        self._stream.submit(window, self._answered)
        self._at_once = False

    def _answered(self, given: float | Exception) -> None:
        self._answer(given)
        self._samples += self.window
        self._judged(self._samples, not self._at_once)
