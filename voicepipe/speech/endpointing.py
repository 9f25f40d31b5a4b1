"""Speech probabilities → where speech began, paused and ended. Pure; time is counted in samples.

Hysteresis as in Silero's own iterator: speech begins at ``threshold`` and isn't over before the
probability is ``HYSTERESIS`` below it. The end isn't where the probability fell, which is a tenth of a
second late at the median, but the last window that was loud enough to be speech.
"""

from __future__ import annotations

from dataclasses import dataclass

HYSTERESIS = 0.15
QUIET_BELOW_PEAK_DB = 35.0
"""A window this far below the loudest one of the utterance isn't taken for its last sound."""

PEAK_DECAY_DB = 0.05
"""How much the loudest level is forgotten per window, so that a caller may become quieter."""


@dataclass(frozen=True, slots=True)
class Started:
    """Speech began at sample ``position``."""

    position: int


@dataclass(frozen=True, slots=True)
class Stopped:
    """Sample ``position`` is the first one after the speech."""

    position: int


@dataclass(frozen=True, slots=True)
class Paused:
    """The first sign of an end: ``position`` may be the first sample after the speech."""

    position: int


@dataclass(frozen=True, slots=True)
class Resumed:
    """It wasn't the end: the speech goes on at ``position``."""

    position: int


Decision = Started | Paused | Resumed | Stopped


class Endpointer:
    """The state of one session. All arguments in samples, ``threshold`` in 0…1.

    ``min_speech``: shorter bursts are noise. ``hangover``: silence that is part of speech. ``first_sign``:
    silence after which the speech may be over.
    """

    def __init__(self, *, threshold: float, min_speech: int, hangover: int, first_sign: int) -> None:
        self._on = threshold
        self._off = max(0.01, threshold - HYSTERESIS)
        self._min_speech = min_speech
        self._hangover = hangover
        self._first_sign = min(first_sign, hangover)
        self.speaking = False
        self.paused = False
        self._candidate: int | None = None
        self._last_speech = 0
        self._peak_dbfs = -96.0

    def push(self, probability: float, level_dbfs: float, start: int, end: int) -> Decision | None:
        """Take the window of samples ``start`` to ``end`` and say whether it decides something."""
        if self.speaking:
            return self._push_in_speech(probability, level_dbfs, start, end)
        if probability < (self._on if self._candidate is None else self._off):
            self._candidate = None
            return None
        if self._candidate is None:
            self._candidate = start
            self._peak_dbfs = level_dbfs
        self._peak_dbfs = max(self._peak_dbfs, level_dbfs)
        if end - self._candidate < self._min_speech:
            return None
        self.speaking = True
        self._last_speech = end
        return Started(self._candidate)

    def stop(self) -> Stopped | None:
        """The audio has come to its end: so has the speech, if there was any."""
        if not self.speaking:
            return None
        return self._stopped()

    def _push_in_speech(
        self, probability: float, level_dbfs: float, start: int, end: int
    ) -> Paused | Resumed | Stopped | None:
        self._peak_dbfs = max(self._peak_dbfs - PEAK_DECAY_DB, level_dbfs)
        if probability >= self._off:
            if level_dbfs < self._peak_dbfs - QUIET_BELOW_PEAK_DB:
                return None
            self._last_speech = end
            if not self.paused:
                return None
            self.paused = False
            return Resumed(start)
        silence = end - self._last_speech
        if silence >= self._hangover:
            return self._stopped()
        if self.paused or silence < self._first_sign:
            return None
        self.paused = True
        return Paused(self._last_speech)

    def _stopped(self) -> Stopped:
        self.speaking = self.paused = False
        self._candidate = None
        return Stopped(self._last_speech)
