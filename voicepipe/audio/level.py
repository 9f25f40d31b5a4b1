"""How loud audio is, where it begins and ends, and leading silence taken away.

dBFS here is ``20 log10(rms / 32768)``: a full-scale sine has −3.01 dBFS. Levels end at ``SILENCE_DBFS``.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from voicepipe.audio.pcm import FULL_SCALE, Pcm, amplitude, samples_in

SILENCE_DBFS = -96.0
"""The level that digital silence is given: the range of 16 bits, about 6 dB under a signal of one unit."""

FRAME_MS = 20


def rms_dbfs(pcm: Pcm) -> float:
    """The level of mono ``pcm`` in dBFS, from `SILENCE_DBFS` (also when it is empty) to 0."""
    if len(pcm) == 0:
        return SILENCE_DBFS
    samples = pcm.astype(np.float64)
    return power_dbfs(float(samples @ samples) / len(pcm))


def frame_levels(pcm: Pcm, size: int) -> list[float]:
    """`rms_dbfs` of each ``size`` samples of mono ``pcm``, a whole number of times as long; in one go, which
    takes a third of the time."""
    frames = pcm.reshape(-1, size).astype(np.float64)
    return [power_dbfs(power / size) for power in np.einsum("ij,ij->i", frames, frames).tolist()]


def power_dbfs(power: float) -> float:
    """The level in dBFS of samples whose mean square, in units of 16 bits, is ``power``; as `rms_dbfs`."""
    if power == 0:
        return SILENCE_DBFS
    return max(SILENCE_DBFS, 10 * math.log10(power / FULL_SCALE**2))


def end_of_speech(pcm: Pcm, rate: int, threshold_dbfs: float = -35.0) -> int | None:
    """The sample after the last 20 ms frame of mono ``pcm`` that is louder than the threshold.

    Frames are counted from the first sample; what remains at the end is a shorter frame. None if no
    frame is that loud. With the default this is the "end of speech" that latencies are counted from.
    """
    loud = _loud_frames(pcm, rate, threshold_dbfs)
    if len(loud) == 0:
        return None
    return min(len(pcm), (int(loud[-1]) + 1) * samples_in(rate, FRAME_MS))


def first_audible(pcm: Pcm, rate: int, threshold_dbfs: float = -50.0) -> int | None:
    """The first sample of the first 20 ms frame that is louder than the threshold, None if there is none.

    Frames are counted as in `end_of_speech`. With the default this is the "first audio" of a reply.
    """
    loud = _loud_frames(pcm, rate, threshold_dbfs)
    if len(loud) == 0:
        return None
    return int(loud[0]) * samples_in(rate, FRAME_MS)


def _loud_frames(pcm: Pcm, rate: int, threshold_dbfs: float) -> npt.NDArray[np.intp]:
    frame = samples_in(rate, FRAME_MS)
    whole = len(pcm) // frame * frame
    frames = pcm[:whole].reshape(-1, frame)
    # einsum converts to float64 piece by piece: a call of hours isn't copied at four times its size.
    powers = np.einsum("ij,ij->i", frames, frames, dtype=np.float64, casting="safe") / frame
    if whole < len(pcm):
        rest = pcm[whole:].astype(np.float64)
        powers = np.append(powers, rest @ rest / len(rest))
    return np.flatnonzero(powers > (FULL_SCALE * amplitude(threshold_dbfs)) ** 2)


class SilenceTrimmer:
    """Drops the silence that a voice begins with, from a stream of mono blocks of any size.

    Audible is the first sample whose absolute value exceeds ``threshold_dbfs`` of full scale; samples rather
    than frames, so that the result doesn't depend on the blocks and nothing waits for a frame to fill.
    ``keep_ms`` before it are kept, because soft consonants begin below any threshold. After ``give_up_ms``
    of silence the rest is passed on whatever it is, so that a pause that was meant isn't lost.
    """

    def __init__(
        self, rate: int, threshold_dbfs: float = -50.0, *, keep_ms: float = 10, give_up_ms: float = 500
    ) -> None:
        self._limit = FULL_SCALE * amplitude(threshold_dbfs)
        self._keep = samples_in(rate, keep_ms)
        self._patience = samples_in(rate, give_up_ms)
        self._seen = 0
        self._held: Pcm = np.empty(0, np.int16)
        self._trimming = True
        self.dropped = 0
        """Samples taken away so far: what a time inside the voice's own audio has to be reduced by."""

    def process(self, pcm: Pcm) -> Pcm:
        """Return what is to be played of the next block: nothing, a part, or the block itself."""
        if not self._trimming:
            return pcm
        onset = self._onset(pcm)
        end = len(pcm) if onset is None else onset
        silence = np.concatenate((self._held, pcm[:end]))
        kept = silence[max(0, len(silence) - self._keep) :]
        self.dropped += len(silence) - len(kept)
        self._seen += end
        if onset is None:
            self._held = kept
            return pcm[:0]
        self._trimming = False
        return np.concatenate((kept, pcm[onset:]))

    def flush(self) -> Pcm:
        """End the stream: return the silence that is still held, at most ``keep_ms`` of it."""
        held = self._held if self._trimming else self._held[:0]
        self._trimming = False
        return held

    def _onset(self, pcm: Pcm) -> int | None:
        loud = (pcm > self._limit) | (pcm < -self._limit)
        first = int(np.argmax(loud)) if loud.any() else len(pcm)
        onset = min(first, self._patience - self._seen)
        return onset if onset < len(pcm) else None
