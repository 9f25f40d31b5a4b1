"""Evidence that is written by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tests.support.happenings import Story
from voicepipe.core.units import MS
from voicepipe.observe.evidence import Evidence, StepTimes
from voicepipe.observe.report import CallReport

RATE = 24_000
ENDED_MS = 10_000


@dataclass
class At(StepTimes):
    """When a step was, in ms."""

    began_ns: int | None = None
    onset_ns: int | None = None
    missed: str | None = None


def at(ms: int) -> At:
    return At(ms * MS, ms * MS)


def evidence(
    story: Story,
    *,
    steps: Sequence[At] = (),
    sounds: Sequence[tuple[int, int]] = (),
    remembered: Mapping[int, str] | None = None,
) -> Evidence:
    """``sounds``: from when to when the loudspeaker was heard, in ms."""
    report = CallReport(session="s", clock="simulated")
    story.play(report)
    played = np.zeros(ENDED_MS * RATE // 1000, np.int16)
    for start, end in sounds:
        played[start * RATE // 1000 : end * RATE // 1000] = 3000
    return Evidence(
        report=report,
        events=story.events,
        steps=steps,
        ended_ns=ENDED_MS * MS,
        played=played,
        rate=RATE,
        remembered=remembered or {},
    )
