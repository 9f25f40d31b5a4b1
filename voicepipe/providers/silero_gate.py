"""Which windows silero's network needn't be shown: those in which hardly anything has changed."""

from __future__ import annotations

LOUDEST_DBFS = -50.0
"""What is louder is always shown, however long it has lasted: 6 dB below the quietest caller who is still
made louder (`silero_session.MOST_GAIN_DB`)."""

CHANGE_DB = 3.0
"""Above the background. White noise stays within 1 dB of its mean in windows of 32 ms, pink within 3."""

LEAST_DBFS = -72.0
"""The background is never taken to be quieter: the smallest step of G.711, 8 units of 16 bits."""

STILL_WINDOWS = 8
"""So many windows in a row, a quarter of a second, have to be shown and found to hold no speech."""

NO_SPEECH = 0.1
"""Below that probability; noise mostly has less than 0.05."""

LEARNT = 0.1
"""How much each window counts for the background: the last third of a second is most of it."""


def _power(dbfs: float) -> float:
    """The mean square of samples of 16 bits at that level."""
    return float(32768**2 * 10 ** (dbfs / 10))


_LOUDEST, _LEAST, _CHANGE = _power(LOUDEST_DBFS), _power(LEAST_DBFS), 10 ** (CHANGE_DB / 10)


class Gate:
    """Shut while a quiet line's background stays as it is, or swells by less than some 10 dB a second: it is
    learnt anew with each window. Opens with the first one that is louder.

    ``power`` is the mean square of a window's samples, in units of 16 bits.
    """

    def __init__(self) -> None:
        self._background = _LEAST
        self._still = 0

    def shuts(self, power: float) -> bool:
        """Whether a window of that ``power`` is taken for the background."""
        if power > _LOUDEST or power > _CHANGE * self._background:
            self._still = 0
            return False
        if self._still < STILL_WINDOWS:
            return False
        self._learn(power)
        return True

    def judged(self, power: float, probability: float) -> None:
        """The network gave a window of ``power`` that ``probability`` of speech."""
        if probability < NO_SPEECH:
            self._still += 1
            self._learn(power)
        else:
            self._still = 0

    def _learn(self, power: float) -> None:
        self._background = max(_LEAST, self._background + LEARNT * (power - self._background))
