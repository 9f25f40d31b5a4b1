from __future__ import annotations

import gc

import numpy as np

from voicepipe.core.frames import AudioIn
from voicepipe.core.units import SECOND
from voicepipe.stages.recent_audio import RecentAudio

RATE = 16_000
FRAME = RATE // 50


def audio(seconds: int, *, span: int) -> RecentAudio:
    recent = RecentAudio(span)
    for number in range(50 * seconds):
        recent.push(AudioIn(pcm=np.full(FRAME, number, np.int16), position=number * FRAME, rate=RATE))
    return recent


def test_the_last_seconds_are_kept_and_no_more() -> None:
    recent = audio(9, span=4 * SECOND)
    pieces = recent.since(0)
    assert [position // FRAME for position, _, _ in pieces] == list(range(249, 450))
    assert [int(pcm[0]) for _, pcm, _ in pieces] == list(range(249, 450))
    assert len(recent) == 201
    assert recent.samples == 201 * FRAME


def test_what_is_asked_for_begins_with_the_frame_that_holds_the_sample() -> None:
    recent = audio(1, span=SECOND)
    assert recent.since(48 * FRAME)[0][0] == 48 * FRAME
    assert recent.since(48 * FRAME - 1)[0][0] == 47 * FRAME
    assert recent.since(50 * FRAME) == []


def test_a_branch_grows_and_forgets_by_itself() -> None:
    recent = audio(3, span=2 * SECOND)
    branch = recent.branch(100 * FRAME, SECOND)
    assert branch.rate == RATE
    branch.push(AudioIn(pcm=np.zeros(FRAME, np.int16), position=150 * FRAME, rate=RATE))
    assert [len(branch), branch.since(0)[-1][0], recent.since(0)[-1][0]] == [51, 150 * FRAME, 149 * FRAME]
    branch.clear()
    assert [len(branch), len(recent)] == [0, 101]


def test_the_garbage_collector_looks_at_none_of_it_twice() -> None:
    recent = audio(1, span=SECOND)
    gc.collect(0)
    assert not any(gc.is_tracked(piece) for piece in recent.since(0))
