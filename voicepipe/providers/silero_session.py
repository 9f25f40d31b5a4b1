"""What silero's network hears of one caller, and for how long it remembers."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from voicepipe.audio.level import rms_dbfs
from voicepipe.core.frames import Pcm
from voicepipe.providers.base import VadStream

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
        self._stream = model.open(rate)
        self.window = self._stream.window
        self._quiet = 0
        self._caller_dbfs = NOMINAL_DBFS

    def probability(self, window: Pcm) -> float:
        probability = self._stream.probability(self._louder(window))
        if probability >= SPEECH:
            self._caller_dbfs += LEARNT * (rms_dbfs(window) - self._caller_dbfs)
        self._quiet = self._quiet + 1 if probability < QUIET else 0
        if self._quiet >= QUIET_WINDOWS:
            self._stream, self._quiet = self._model.open(self._rate), 0
        return probability

    def _louder(self, window: Pcm) -> Pcm:
        gain_db = min(MOST_GAIN_DB, NOMINAL_DBFS - self._caller_dbfs)
        if gain_db <= 0:
            return window
        louder: Pcm = np.clip(window * 10 ** (gain_db / 20), -32768, 32767).astype(np.int16)
        return louder
