"""The latency of each answer, found in a call's recording alone: no clock, no events, only what is heard.

It is another way to the figure that the timeline gives, so that each is a proof of the other. Both follow the
definitions of docs/architecture.md: from the end of the caller's last 20 ms frame above -35 dBFS to the
agent's first one above -50 dBFS. Where a frame begins isn't written in a recording, but where digital silence
ends one does: a clip and a reply are added to nothing. Frames are counted from there, to the millisecond.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from voicepipe.audio.pcm import FULL_SCALE, Pcm, amplitude
from voicepipe.core.units import MS, SECOND
from voicepipe.observe.timeline import TurnTimeline

SPEECH_DBFS = -35.0
AUDIBLE_DBFS = -50.0

FRAME = 20
"""Milliseconds, the unit of all places here."""

PAUSE = 250
"""An agent that is silent for so long begins anew; between two words it is for less. An answer can't come
sooner after what it interrupts: the caller was silent for as long as the end of a turn takes."""

NEAR = SECOND
"""So far a turn's first audio may be from where it is expected: the recording begins a moment after the
session, and there is no answer to something else so soon."""


@dataclass(frozen=True, slots=True)
class Latency:
    """One answer. Both in ns from the beginning of the recording."""

    end_of_speech: int
    first_audio: int

    @property
    def duration_ns(self) -> int:
        return self.first_audio - self.end_of_speech


def latencies_in(caller: Pcm, agent: Pcm, rate: int) -> list[Latency]:
    """What the agent said after the caller had spoken, each time when it began to.

    The two channels of one recording, int16 at ``rate`` Hz. A greeting and what follows typed words have no
    latency. Where the caller spoke into what the agent said and it only paused, its going on is one, too.
    """
    ends = _loud(caller, rate, SPEECH_DBFS) + FRAME
    found: list[Latency] = []
    before = 0
    for begin in _begins(_loud(agent, rate, AUDIBLE_DBFS)):
        spoken = int(np.searchsorted(ends, begin, side="right"))
        if spoken and ends[spoken - 1] > before:
            found.append(Latency(int(ends[spoken - 1]) * MS, begin * MS))
        before = begin
    return found


def match(latencies: Sequence[Latency], turns: Sequence[TurnTimeline]) -> list[Latency | None]:
    """For each of ``turns`` what the recording says of it.

    None for a turn without a latency (typed, a greeting, never heard), and where nothing is heard near its
    first audio.
    """
    return [_nearest(latencies, turn) if turn.spoken and turn.audible else None for turn in turns]


def _nearest(latencies: Sequence[Latency], turn: TurnTimeline) -> Latency | None:
    expected = turn.start_ns + turn.total_ns
    near = min(latencies, key=lambda one: abs(one.first_audio - expected), default=None)
    return near if near is not None and abs(near.first_audio - expected) <= NEAR else None


def _begins(loud: npt.NDArray[np.intp]) -> list[int]:
    """Where a sound begins after a pause; ``loud`` are the audible frames."""
    if loud.size == 0:
        return []
    after = np.flatnonzero(np.diff(loud) > PAUSE + FRAME) + 1
    return [int(loud[0]), *(int(place) for place in loud[after])]


def _loud(pcm: Pcm, rate: int, threshold_dbfs: float) -> npt.NDArray[np.intp]:
    """Where the frames begin that are louder than the threshold, in their order."""
    energies = np.concatenate(
        [np.zeros(FRAME), *(_energies(pcm[at : at + rate], rate) for at in range(0, len(pcm), rate))]
    )
    limit = (FULL_SCALE * amplitude(threshold_dbfs)) ** 2 * rate * FRAME / 1000
    sounding = np.flatnonzero(energies)
    stretches = np.split(sounding, np.flatnonzero(np.diff(sounding) >= FRAME) + 1) if sounding.size else []
    found = [np.zeros(0, np.intp)]
    for stretch in stretches:
        first = int(stretch[0])
        frames = -(-(int(stretch[-1]) + 1 - first) // FRAME)
        powers = np.zeros(frames * FRAME)
        part = energies[first : first + frames * FRAME]
        powers[: part.size] = part
        found.append(first - FRAME + FRAME * np.flatnonzero(powers.reshape(-1, FRAME).sum(axis=1) > limit))
    return np.concatenate(found)


def _energies(second: Pcm, rate: int) -> npt.NDArray[np.float64]:
    """The sum of squares of each whole millisecond: of a second at a time, as a call may last for hours."""
    whole = len(second) * 1000 // rate
    if whole == 0:
        return np.zeros(0)
    edges = np.arange(whole) * rate // 1000
    squares = second[: whole * rate // 1000].astype(np.float64) ** 2
    return np.add.reduceat(squares, edges)
