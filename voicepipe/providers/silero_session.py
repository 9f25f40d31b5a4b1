"""What silero's network hears of one caller, and for how long it remembers."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol

import numpy as np

from voicepipe.audio.level import power_dbfs
from voicepipe.core.frames import Pcm
from voicepipe.providers.base import BatchedVadStream, VadStream
from voicepipe.providers.silero_gate import Gate

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

RECALLED_WINDOWS = 16
"""Of those that weren't shown, half a second: the network hears them before the one that may be speech, since
it finds quiet words in noise more surely for having heard the noise (ADR 45)."""

AT_ONCE = 4
"""Of those, 0.4 ms of work: all of them would take the loop for two, singly they took 17 turns of it."""


class Model(Protocol):
    def open(self, rate: int) -> VadStream: ...


class Session:
    """A `VadStream` over the network's own.

    It begins anew once the caller has been quiet for a while, since the network's state drifts in long noise:
    after half a minute at 13 dB a short "thank you" reached 0.45, and 0.96 with a state that was new. Nothing
    is lost by it, since there was no speech.

    A caller who has been heard to be quiet is made louder: at -32 dBFS, 20 dB above the noise, "ask not"
    reached 0.2, and 0.8 when both were 12 dB louder.

    With a ``gate`` windows of a background that doesn't change aren't shown to the network: their probability
    is 0. They are most of what it would be asked about, and it is most of what listening costs.
    """

    def __init__(self, model: Model, rate: int, gate: Gate | None = None) -> None:
        self._model = model
        self._rate = rate
        self._quiet = 0
        self._open()
        self.window = self._stream.window
        self._caller_dbfs = NOMINAL_DBFS
        self._gain: np.float32 | None = None
        """What the caller is multiplied by; None is nothing."""
        self._gate = gate
        self._ring: Pcm = np.empty((RECALLED_WINDOWS if gate is not None else 0, self.window), np.int16)
        """The last windows that the network wasn't shown, in turns."""
        self._missed = 0
        self._submitted: tuple[float, Callable[[float | Exception], None]] | None = None
        self._due: deque[Pcm] = deque()
        """What the network has to hear before it answers."""

    def probability(self, window: Pcm) -> float:
        power = _power(window)
        if self._passes_over(window, power):
            return 0.0
        for unheard in self._catch_up():
            self._stream.probability(self._louder(unheard))
        return self._learn(power, self._stream.probability(self._louder(window)))

    def submit(self, window: Pcm, answer: Callable[[float | Exception], None]) -> None:
        if self._batched is None:
            answer(self.probability(window))
            return
        power = _power(window)
        if self._passes_over(window, power):
            answer(0.0)
            return
        self._due.extend(self._catch_up())
        self._due.append(window)
        self._submitted = power, answer
        self._submit_next(self._batched)

    def settle(self) -> None:
        if self._submitted is not None and self._batched is not None:
            self._batched.settle()  # until nothing is due

    def _submit_next(self, batched: BatchedVadStream) -> None:
        """A few windows of what was missed; the last of them in a batch with those of others."""
        try:
            for _ in range(min(AT_ONCE, len(self._due)) - 1):
                self._stream.probability(self._louder(self._due.popleft()))
        except Exception as error:  # it ends this call alone, as if the batch had raised it
            self._answer(error)
        else:
            batched.submit(self._louder(self._due.popleft()), self._answer)

    def _answer(self, given: float | Exception) -> None:
        assert self._submitted is not None, "an answer is given once"
        if self._due and self._batched is not None and not isinstance(given, Exception):
            self._submit_next(self._batched)
            return
        (power, answer), self._submitted = self._submitted, None
        self._due.clear()
        answer(given if isinstance(given, Exception) else self._learn(power, given))

    def _passes_over(self, window: Pcm, power: float) -> bool:
        """Whether the network needn't hear ``window`` now."""
        if self._gate is None or not self._gate.shuts(power):
            return False
        self._ring[self._missed % RECALLED_WINDOWS] = window
        self._missed += 1
        self._quiet += 1
        return True

    def _catch_up(self) -> list[Pcm]:
        """What the network has to hear first; valid until another window is passed over."""
        since = max(0, self._missed - RECALLED_WINDOWS)
        missed: list[Pcm] = [self._ring[number % RECALLED_WINDOWS] for number in range(since, self._missed)]
        self._missed = 0
        if missed and self._quiet >= QUIET_WINDOWS:
            self._open()
        return missed

    def _learn(self, power: float, probability: float) -> float:
        """What a window of that ``power`` tells of the caller, once its ``probability`` is known."""
        if self._gate is not None:
            self._gate.judged(power, probability)
        if probability >= SPEECH:
            self._caller_dbfs += LEARNT * (power_dbfs(power) - self._caller_dbfs)
            gain_db = min(MOST_GAIN_DB, NOMINAL_DBFS - self._caller_dbfs)
            self._gain = np.float32(10 ** (gain_db / 20)) if gain_db > 0 else None
        self._quiet = self._quiet + 1 if probability < QUIET else 0
        if self._quiet >= QUIET_WINDOWS:
            self._open()
        return probability

    def _open(self) -> None:
        self._stream = self._model.open(self._rate)
        # Asked once: to look at the methods of an object takes longer than to call them.
        self._batched = self._stream if isinstance(self._stream, BatchedVadStream) else None
        self._quiet = 0

    def _louder(self, window: Pcm) -> Pcm:
        if self._gain is None:
            return window
        louder = window * self._gain
        np.minimum(louder, 32767, out=louder)  # twice as fast as np.clip, for so few samples
        np.maximum(louder, -32768, out=louder)
        return louder.astype(np.int16)


def _power(window: Pcm) -> float:
    """Its mean square. float32 does: what counts is a tenth of a decibel."""
    samples = window.astype(np.float32)
    return float(samples @ samples) / len(window)
