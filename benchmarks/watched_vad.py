"""Silero, with a look at when each window was judged."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar

from voicepipe.core.frames import Pcm
from voicepipe.providers.base import BatchedVadStream, VadStream
from voicepipe.providers.silero import Silero

JUDGED: ContextVar[Callable[[int], None]] = ContextVar("JUDGED")
"""Of the call that is begun in this context: told at each answer how many samples were judged."""


class WatchedSilero(Silero):
    name = "watched-silero"

    def open(self, rate: int) -> VadStream:
        stream = super().open(rate)
        assert isinstance(stream, BatchedVadStream), "Silero's model is one whose rows are sessions"
        return _Watched(stream, JUDGED.get())


class _Watched:
    def __init__(self, stream: BatchedVadStream, judged: Callable[[int], None]) -> None:
        self.window = stream.window
        self.settle = stream.settle
        self.probability = stream.probability
        self._stream = stream
        self._judged = judged
        self._samples = 0
        self._answer: Callable[[float | Exception], None] = lambda given: None

    def submit(self, window: Pcm, answer: Callable[[float | Exception], None]) -> None:
        self._answer = answer
        self._stream.submit(window, self._answered)

    def _answered(self, given: float | Exception) -> None:
        self._answer(given)
        self._samples += self.window
        self._judged(self._samples)
