"""Speech probabilities → where speech began, paused and ended. Pure; time is counted in samples.

Hysteresis as in Silero's own iterator: speech begins at ``threshold`` and isn't over before the
probability is ``HYSTERESIS`` below it. That is a tenth of a second late at the median, and a fifth in one
of ten cases. So the end itself is where the last sound was that stood out from the caller's loudest one and
from the noise of the room; and a model that begins to doubt is a first sign, while it still says "speech".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

HYSTERESIS = 0.15
SURE = 0.9
"""Within speech the model is surer than that; it falls below some 60 to 100 ms after the end."""

QUIET_BELOW_PEAK_DB = 27.0
"""What is this far below the loudest window of the utterance isn't taken for its last sound: a final "s" is
some 20 dB below its vowels, the echo of a room 30."""

ABOVE_NOISE_DB = 3.0
"""Nor what is less than this above the noise: it may hold as much noise as voice."""

PEAK_DECAY_DB = 0.05
"""How much the loudest level is forgotten per window, so that a caller may become quieter."""

NOISE_BELOW = 0.2
"""Probability of a window that tells how loud the noise is."""

NOISE_SHARE = 0.1
"""How much each such window counts: the last third of a second is most of it."""

SILENCE_DBFS = -96.0


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
    silence after which the speech may be over. ``again``: for so long after an end, a single window of which
    the model is sure is the same caller who goes on.
    """

    def __init__(
        self, *, threshold: float, min_speech: int, hangover: int, first_sign: int, again: int = 0
    ) -> None:
        self._on = threshold
        self._off = max(0.01, threshold - HYSTERESIS)
        self._min_speech = min_speech
        self._hangover = hangover
        self._first_sign = min(first_sign, hangover)
        self._again = again
        self.speaking = False
        self.paused = False
        self._candidate: int | None = None
        self._last_speech: int | None = None
        self._peak_dbfs = SILENCE_DBFS
        self._noise_dbfs: float | None = None

    def push(
        self, probability: float, level_dbfs: float, start: int, end: int, parts: Sequence[float] = ()
    ) -> Decision | None:
        """Take the window of samples ``start`` to ``end`` and say whether it decides something.

        ``parts`` are the levels in dBFS of its equal parts, for an end that lies within a window.
        """
        if self.speaking:
            return self._push_in_speech(probability, level_dbfs, start, end, parts)
        if probability < NOISE_BELOW:
            self._note_noise(level_dbfs)
        if probability < (self._on if self._candidate is None else self._off):
            self._candidate = None
            return None
        if self._candidate is None:
            self._candidate = start
            self._peak_dbfs = level_dbfs
        self._peak_dbfs = max(self._peak_dbfs, level_dbfs)
        if end - self._candidate < self._min_speech and not self._goes_on(probability, start):
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
        self, probability: float, level_dbfs: float, start: int, end: int, parts: Sequence[float]
    ) -> Paused | Resumed | Stopped | None:
        assert self._last_speech is not None, "it is set where speech begins"
        self._peak_dbfs = max(self._peak_dbfs - PEAK_DECAY_DB, level_dbfs)
        if self._noise_dbfs is not None:
            self._noise_dbfs = min(self._noise_dbfs, level_dbfs)
        speech = probability >= self._off
        sound = self._last_sound(level_dbfs, start, end, parts) if speech else None
        if sound is None and probability >= SURE and end - self._last_speech >= self._hangover:
            sound = end  # it goes on, softly
        if sound is not None:
            self._last_speech = sound
            if not self.paused:
                return None
            self.paused = False
            return Resumed(start)
        silence = end - self._last_speech
        if silence >= self._hangover and not speech:
            return self._stopped()
        if self.paused or silence < self._first_sign or probability >= SURE:
            return None
        self.paused = True
        return Paused(self._last_speech)

    def _last_sound(self, level_dbfs: float, start: int, end: int, parts: Sequence[float]) -> int | None:
        """Where the last part ends that is loud enough to be speech; None if the window isn't."""
        least = self._peak_dbfs - QUIET_BELOW_PEAK_DB
        if self._noise_dbfs is not None:
            least = max(least, self._noise_dbfs + ABOVE_NOISE_DB)
        if level_dbfs < least:
            return None
        loud = [number for number, level in enumerate(parts, 1) if level >= least]
        return start + (end - start) * loud[-1] // len(parts) if loud else end

    def _note_noise(self, level_dbfs: float) -> None:
        if self._noise_dbfs is None:
            self._noise_dbfs = level_dbfs
        self._noise_dbfs += NOISE_SHARE * (level_dbfs - self._noise_dbfs)

    def _goes_on(self, probability: float, start: int) -> bool:
        """Whether this is hardly a noise, but the speech that seemed to be over."""
        ended = self._last_speech
        return ended is not None and probability >= SURE and start - ended < self._again

    def _stopped(self) -> Stopped:
        assert self._last_speech is not None, "it is set where speech begins"
        self.speaking = self.paused = False
        self._candidate = None
        return Stopped(self._last_speech)
