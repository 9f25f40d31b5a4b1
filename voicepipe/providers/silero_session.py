"""What silero's network hears of one caller, and for how long it remembers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from voicepipe.audio.level import rms_dbfs
from voicepipe.core.frames import Pcm
from voicepipe.providers.base import BatchedVadStream, VadStream

QUIET, QUIET_WINDOWS = 0.2, 94
"""So many windows in a row below that probability, three seconds, are a while without speech. After one
second, quiet words in noise were missed more often for a new memory than for one that had drifted."""

NOMINAL_DBFS = -26.0
"""The level of active speech that speech coders are tested at (ITU-T P.56 and G.191)."""

MOST_GAIN_DB = 18.0
"""For a caller at -44 dBFS. What needs more holds more of the line than of the voice."""

LEARNT = 0.05
"""How much each window of speech counts for the caller's level: the last 0.6 s are two thirds of it."""

SPEECH = 0.5
"""Probability of a window that does."""


class Model(Protocol):
    def open(self, rate: int) -> VadStream: ...


class Session:
    """A `VadStream` over the network's own.

    It begins anew once the caller has been quiet for a while, since the network's state drifts in long noise:
    after half a minute at 13 dB a short "thank you" reached 0.45, and 0.96 with a state that was new. Nothing
    is lost by it, since there was no speech.

    A caller who has been heard to be quiet is made louder: at -32 dBFS, 20 dB above the noise, "ask not"
    reached 0.2, and 0.8 when both were 12 dB louder.
    """

    def __init__(self, model: Model, rate: int) -> None:
        self._model = model
        self._rate = rate
        self._open()
        self.window = self._stream.window
        self._quiet = 0
        self._caller_dbfs = NOMINAL_DBFS
        self._submitted: tuple[Pcm, Callable[[float | Exception], None]] | None = None

    def probability(self, window: Pcm) -> float:
        return self._learn(window, self._stream.probability(self._louder(window)))

    def submit(self, window: Pcm, answer: Callable[[float | Exception], None]) -> None:
        if self._batched is None:
            answer(self.probability(window))
        else:
            self._submitted = window, answer
            self._batched.submit(self._louder(window), self._answer)

    def settle(self) -> None:
        if self._submitted is not None and self._batched is not None:
            self._batched.settle()

    def _answer(self, given: float | Exception) -> None:
        assert self._submitted is not None, "an answer is given once"
        (window, answer), self._submitted = self._submitted, None
        answer(given if isinstance(given, Exception) else self._learn(window, given))

    def _learn(self, window: Pcm, probability: float) -> float:
        """What ``window`` tells of the caller, once its ``probability`` is known."""
        if probability >= SPEECH:
            self._caller_dbfs += LEARNT * (rms_dbfs(window) - self._caller_dbfs)
        self._quiet = self._quiet + 1 if probability < QUIET else 0
        if self._quiet >= QUIET_WINDOWS:
            self._open()
            self._quiet = 0
        return probability

    def _open(self) -> None:
        self._stream = self._model.open(self._rate)
        # Asked once: to look at the methods of an object takes longer than to call them.
        self._batched = self._stream if isinstance(self._stream, BatchedVadStream) else None

    def _louder(self, window: Pcm) -> Pcm:
        gain_db = min(MOST_GAIN_DB, NOMINAL_DBFS - self._caller_dbfs)
        if gain_db <= 0:
            return window
        louder = window * np.float32(10 ** (gain_db / 20))
        np.minimum(louder, 32767, out=louder)  # twice as fast as np.clip, for so few samples
        np.maximum(louder, -32768, out=louder)
        return louder.astype(np.int16)
