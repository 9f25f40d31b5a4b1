"""The server's own turn detection, by loudness: enough for a script, and the same each time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from voicepipe.audio.pcm import FULL_SCALE, Pcm

WINDOW_MS = 20
ONSET_MS = 60
"""Loud windows in a row that make a beginning."""

_EAGERNESS_MS = {"low": 1200, "medium": 800, "auto": 800, "high": 400}
"""Silence that ends a turn of ``semantic_vad``, whose real judgement can't be imitated."""


@dataclass(frozen=True, slots=True)
class Edge:
    """Where speech began (with the padding before it) or stopped (with the silence after it)."""

    kind: Literal["started", "stopped"]
    ms: int


class ServerVad:
    """Told all audio of a connection, it knows in milliseconds where the caller's turns lie."""

    def __init__(self, detection: Mapping[str, Any], rate: int, position: int) -> None:
        """``position``: samples of the connection so far."""
        semantic = detection["type"] == "semantic_vad"
        eagerness = detection.get("eagerness") or "auto"
        self.padding_ms = 300 if semantic else detection["prefix_padding_ms"]
        self.silence_ms = _EAGERNESS_MS[eagerness] if semantic else detection["silence_duration_ms"]
        threshold = 0.5 if semantic else detection["threshold"]
        self._least_dbfs = -60 + 40 * threshold
        self._window = rate * WINDOW_MS // 1000
        self._rest = np.zeros(0, np.int16)
        self._ms = position * 1000 // rate
        self._loud_ms = 0
        self._quiet_ms = 0
        self.speaking = False

    def feed(self, pcm: Pcm) -> Iterator[Edge]:
        audio = np.concatenate((self._rest, pcm))
        whole = len(audio) // self._window * self._window
        self._rest = audio[whole:]
        for window in audio[:whole].reshape(-1, self._window):
            self._ms += WINDOW_MS
            level = np.sqrt(np.mean((window / FULL_SCALE) ** 2))
            loud = bool(20 * np.log10(max(level, 1e-6)) >= self._least_dbfs)
            self._loud_ms = self._loud_ms + WINDOW_MS if loud else 0
            self._quiet_ms = 0 if loud else self._quiet_ms + WINDOW_MS
            if not self.speaking and self._loud_ms >= ONSET_MS:
                self.speaking = True
                yield Edge("started", max(self._ms - self._loud_ms - self.padding_ms, 0))
            elif self.speaking and self._quiet_ms >= self.silence_ms:
                self.speaking = False
                yield Edge("stopped", self._ms)
