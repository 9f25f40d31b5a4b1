"""How loud the caller's side of a call is: a probe at the inbox that the microphone's frames come to."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from voicepipe.audio.level import SILENCE_DBFS, rms_dbfs
from voicepipe.core.frames import AudioIn
from voicepipe.core.records import CallerLevel

EVERY = 5
"""One frame in so many is measured, ten a second: speech lasts longer, and each frame costs no more than a
count."""

AUDIBLE_DBFS = -50.0

FULL_SCALE = 32_700
"""Samples from here on count as clipped: what was clipped and then resampled stays a little below the end."""

CLIPPED = 0.01
"""The share of such samples from which a frame is clipped: a loud vowel alone only touches the end."""

CLIPPED_DBFS = -20.1
"""No frame is clipped below it: such samples alone, no more than that share of them, have −20.02 dBFS."""

QUIET_DBFS = -40.0
"""Speech has -35 to -10 dBFS; a microphone that never gets beyond this isn't understood."""

MUCH = 0.05
"""Of what is audible. Single knocks clip any microphone."""


class LevelMeter:
    """``meter(frame)`` for each frame of the caller."""

    def __init__(self) -> None:
        self._skip = 0
        self._measured = False
        self._loudest = SILENCE_DBFS
        self._audible = 0
        self._clipped = 0

    def __call__(self, frame: object) -> None:
        if type(frame) is not AudioIn:
            return
        if self._skip:
            self._skip -= 1
            return
        self._skip = EVERY - 1
        level = rms_dbfs(frame.pcm)
        self._measured = True
        self._loudest = max(self._loudest, level)
        if level > AUDIBLE_DBFS:
            self._audible += 1
            if level > CLIPPED_DBFS and (
                frame.pcm.max() >= FULL_SCALE or frame.pcm.min() <= -FULL_SCALE
            ):  # rare; counting costs more
                ends = np.count_nonzero((frame.pcm >= FULL_SCALE) | (frame.pcm <= -FULL_SCALE))
                self._clipped += bool(ends > CLIPPED * frame.pcm.size)

    def record(self, at_ns: int) -> CallerLevel | None:
        """What was measured; None if there was no audio."""
        if not self._measured:
            return None
        clipped = self._clipped / self._audible if self._audible else 0.0
        return CallerLevel(at_ns=at_ns, loudest_dbfs=round(self._loudest, 1), clipped=round(clipped, 3))


def advice(level: CallerLevel) -> Iterator[str]:
    """What a person should know of it, a sentence each."""
    if level.loudest_dbfs <= SILENCE_DBFS:
        yield "nothing but silence came from the caller: the microphone may be muted in the system"
    elif level.loudest_dbfs < QUIET_DBFS:
        loudest = f"{level.loudest_dbfs:.0f} dBFS at the loudest".replace("-", "−")
        yield f"the caller's side was very quiet: {loudest}, while speech has −35 to −10"
    if level.clipped > MUCH:
        yield f"{level.clipped:.0%} of what the caller said was clipped: the microphone's level is too high"
