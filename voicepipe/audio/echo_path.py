"""What is known of a room, band by band: how loud it is by itself, and how loud a loudspeaker is in it."""

from __future__ import annotations

import numpy as np

from voicepipe.audio.bands import Powers

FAINTEST = 1e-12
"""−120 dBFS, below what 16 bits can hold: so that no logarithm sees a zero."""

SMOOTHING = 0.3
FALL, RISE = 0.967, 1.014
"""Per frame: the level settles where it is exceeded 70 % of the time. It rises by 3 dB a second, so that a
sentence isn't taken for noise, and falls by 7."""
MOST_OVER = 3.0
"""The first level is a guess; no more than 5 dB of it last longer than a frame."""
GUESS = 1e-5
"""−50 dBFS: a loud room, so that a call doesn't begin with noise that is taken for a voice."""


class Background:
    """The steady noise that a microphone hears: a low quantile of each band's power."""

    def __init__(self, bands: int) -> None:
        self.level: Powers = np.full(bands, GUESS / bands, np.float32)
        self._smooth: Powers | None = None

    def update(self, power: Powers, expected: Powers | None = None, *, frames: int = 1) -> None:
        """Take the ``power`` of one frame in ``frames``; bands in which as much echo is ``expected`` are left
        out."""
        if self._smooth is None:
            self._smooth = power.copy()
        self._smooth += SMOOTHING * (power - self._smooth)
        factor = np.where(self._smooth > self.level, RISE**frames, FALL**frames).astype(np.float32)
        if expected is not None:
            factor[expected > 0.5 * self.level] = 1
        np.minimum(self.level * factor, MOST_OVER * self._smooth + FAINTEST, out=self.level)


DECAY = 0.7
"""Per frame: what a room keeps of a sound after 20 ms if it takes 0.8 s to fall by 60 dB, as a bare living
room or a small hall does. Rooms that are drier only make the gate a little too careful."""

SPREAD = 2e-3
"""What a small loudspeaker distorts lands in other bands: −27 dB of the whole (4.5 %) may be in any."""

UP, DOWN = 0.12, 0.05
"""Of what a frame was louder or quieter than expected. Rather too loud: what is under it is echo."""
UP_YOUNG = 0.3
UP_TALKING = 0.03
"""While somebody else is heard, too: 15 dB a second at most, so that a volume that was turned up is learnt,
and an interruption, which silences the agent within a second, isn't."""
YOUNG = 25
"""Frames: a band of which less was heard is learnt quickly."""

LARGEST_STEP_DB = 10.0
AUDIBLE = 1e-8
"""−80 dBFS: nothing is learnt from a band in which less than this was played."""

HEAD_START_DB = 3.0
LEAST_UNDER_WHOLE_DB = 12.0
"""At first a band is expected to be at most so much weaker than all of them together."""


class EchoPath:
    """How loud what is played comes back, by bands: gain and reverberation. Knows nothing of phases."""

    def __init__(self, bands: int) -> None:
        self.gain_db = np.zeros(bands, np.float32)
        self._heard_of = np.zeros(bands, np.int64)
        self._reverberant: Powers = np.zeros(bands, np.float32)

    def begin(self, heard: Powers, played: Powers) -> None:
        """Guess from the powers of some frames, ``(frames, bands)`` each, in time with each other."""
        sums, before = heard.sum(axis=0), played.sum(axis=0)
        whole = sums.sum() / max(float(before.sum()), FAINTEST)
        was_played = before > AUDIBLE * len(played)
        gain = np.full(sums.size, whole, np.float32)
        np.divide(sums, before, out=gain, where=was_played)
        least = 10 * np.log10(whole + FAINTEST) - LEAST_UNDER_WHOLE_DB
        self.gain_db = np.maximum(10 * np.log10(gain + FAINTEST), least).astype(np.float32) + HEAD_START_DB
        self._heard_of = np.where(was_played, 4, 0)
        self._reverberant[:] = 0
        for frame in played:
            self.expect(frame)

    def forget_sound(self) -> None:
        """Nothing has been played for long."""
        self._reverberant[:] = 0

    def expect(self, played: Powers) -> Powers:
        """The echo's power while ``played`` and what was played before come back."""
        now = played + SPREAD * played.sum()
        np.maximum(now, DECAY * self._reverberant, out=self._reverberant)
        return (10 ** (0.1 * self.gain_db) * self._reverberant).astype(np.float32)

    def learn(self, heard: Powers, played: Powers, noise: Powers, *, talking: bool) -> bool:
        """Compare the ``heard`` powers with what `expect` was told last. Whether there was enough to compare.

        A band counts while it sounds itself, not while it dies away; one in which only ``noise`` is heard
        tells at most that the echo is weaker.
        """
        sounding = (played >= 0.5 * self._reverberant) & (played > AUDIBLE)
        error = 10 * np.log10((heard + FAINTEST) / (self._reverberant + FAINTEST)) - self.gain_db
        np.clip(error, -LARGEST_STEP_DB, LARGEST_STEP_DB, out=error)
        up = np.where(self._heard_of < YOUNG, UP_YOUNG, UP_TALKING if talking else UP)
        step = np.where(error > 0, up * (heard > MOST_OVER * noise), DOWN)
        self.gain_db += np.where(sounding, step * error, 0).astype(np.float32)
        self._heard_of += sounding
        return 2 * int(np.count_nonzero(sounding)) > sounding.size
