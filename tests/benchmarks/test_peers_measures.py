"""What happens before anything is measured."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.peers.feeder import FIRST, LAST, Arrived
from benchmarks.peers.harness import Agent, System
from benchmarks.peers.measures import _warm_up
from benchmarks.peers.sounds import FRAME, FRAME_S, Clip, hum
from voicepipe.core.clock import run_on

CLIP = Clip([np.full(FRAME, 1000, np.int16)] * 2, "who is there", 2 * FRAME_S)


class Line:
    """The clip arrives as soon as it is asked for."""

    def __init__(self, arrived: Callable[[Arrived], None]) -> None:
        self._arrived = arrived

    def say(self) -> None:
        for number, kind in enumerate((FIRST, LAST), 1):
            due = number * FRAME_S
            self._arrived(Arrived(number, due, due, kind, CLIP.frames[0].tobytes()))

    def close(self) -> None:
        """Nothing is open."""


class Feeder:
    line = Line


class Parrot(Agent):
    """Answers at once."""

    heard = ""
    closed = False

    def push(self, pcm: bytes, words: str = "", speech_end: float = 0.0) -> None:
        if words:
            self.heard = words
            self.ear.write(speech_end + 0.5, speech_end + 0.5, hum(1.0))

    async def close(self) -> None:
        self.closed = True


class Parrots(System):
    def __init__(self) -> None:
        self.opened: list[Parrot] = []

    async def open(self, watched: bool = False) -> Agent:
        self.opened.append(Parrot(watched))
        return self.opened[-1]

    def unavoidable(self) -> float:
        return 0.0


def test_before_agents_are_measured_one_is_asked_and_leaves() -> None:
    system, feeder = Parrots(), Feeder()
    unknown: Any = feeder
    run_on("simulated", _warm_up(system, CLIP, unknown, watched=True))
    [parrot] = system.opened
    assert (parrot.watched, parrot.heard, parrot.closed) == (True, "who is there", True)
    assert parrot.ear.stretches
