"""VAD ``sim``: loud is speech, told as late as a model would tell it; and noises that it takes for speech."""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, model_validator

from voicepipe.core.units import SECOND, Duration
from voicepipe.providers.base import ProviderConfig, VadProvider

if TYPE_CHECKING:
    from voicepipe.core.frames import Pcm

WINDOW_MS = 10
"""Half a frame, so that ``lag`` can be told to 10 ms; models have 16 to 32 ms."""

CERTAIN = 0.95
"""The probability of speech where there is some; 1 less that where there is none."""


class FalseAlarm(BaseModel):
    """A time of the call, counted in its audio, that is taken for speech."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    start: Duration = Field(description="when it begins, from the start of the call")
    end: Duration = Field(description="when it ends")

    @model_validator(mode="after")
    def _in_order(self) -> FalseAlarm:
        if self.end <= self.start:
            raise ValueError("end must be after start")
        return self


class SimVadConfig(ProviderConfig):
    level: float = Field(-40.0, ge=-90, lt=0, description="dBFS (RMS) from which a window is speech.")
    lag: Duration = Field(0, le=SECOND, description="How much later than it happened speech is noticed.")
    false_alarms: tuple[FalseAlarm, ...] = Field((), description="Times that are taken for speech.")


class SimVad(VadProvider):
    name = "sim"
    local = True
    Config = SimVadConfig
    config: SimVadConfig

    def open(self, rate: int) -> SimVadStream:
        return SimVadStream(self.config, rate)


class SimVadStream:
    def __init__(self, config: SimVadConfig, rate: int) -> None:
        self.window = rate * WINDOW_MS // 1000
        self._threshold = (32_768 * 10 ** (config.level / 20)) ** 2
        self._alarms = [
            range(alarm.start * rate // SECOND, alarm.end * rate // SECOND) for alarm in config.false_alarms
        ]
        self._position = 0
        delay = math.ceil(config.lag * 1000 / (WINDOW_MS * SECOND))
        self._late = deque([False] * delay, maxlen=delay + 1)

    def probability(self, window: Pcm) -> float:
        power = float((window.astype(float) ** 2).mean())
        self._late.append(power >= self._threshold or any(self._position in alarm for alarm in self._alarms))
        self._position += self.window
        return CERTAIN if self._late[0] else 1 - CERTAIN
