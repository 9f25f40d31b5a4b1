"""What is left of a call: its recording and its event log."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from voicepipe.audio.level import end_of_speech, first_audible
from voicepipe.audio.wav import read_wav
from voicepipe.core.frames import Pcm

Event = dict[str, Any]


@dataclass(frozen=True)
class Side:
    """One side of a recorded call: int16 mono at ``rate``."""

    pcm: Pcm
    rate: int

    def between(self, start_ms: float, end_ms: float | None = None) -> Side:
        end = None if end_ms is None else round(end_ms * self.rate / 1000)
        return Side(self.pcm[round(start_ms * self.rate / 1000) : end], self.rate)

    @property
    def is_silent(self) -> bool:
        return not self.pcm.any()

    def first_sound_ms(self) -> float:
        """Of the first sample above −46 dBFS: loud enough not to be noise."""
        return float(np.argmax(np.abs(self.pcm.astype(np.int32)) > 164)) * 1000 / self.rate

    def sounding_ms(self) -> float:
        """How long it isn't silent, all together."""
        return float(np.count_nonzero(self.pcm)) * 1000 / self.rate

    def last_sound_ms(self) -> float:
        """Of the last sample that isn't zero."""
        return float(np.flatnonzero(self.pcm)[-1]) * 1000 / self.rate


def sides(path: Path) -> tuple[Side, Side]:
    """The caller's and the agent's side of the stereo recording at ``path``."""
    caller, agent = (read_wav(path, channel=channel) for channel in (0, 1))
    return Side(caller.pcm, caller.rate), Side(agent.pcm, agent.rate)


def events(path: Path) -> list[Event]:
    """The events of the log at ``path``: every line is one."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def named(log: list[Event], name: str, **fields: Any) -> list[Event]:
    return [e for e in log if e["event"] == name and all(e[key] == value for key, value in fields.items())]


def sounds_ms(clip: Path) -> tuple[float, float]:
    """When the speech in ``clip`` begins and ends, from the clip's start."""
    wav = read_wav(clip)
    begin, end = first_audible(wav.pcm, wav.rate), end_of_speech(wav.pcm, wav.rate)
    assert begin is not None
    assert end is not None
    return begin * 1000 / wav.rate, end * 1000 / wav.rate
