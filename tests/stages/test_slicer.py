from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from voicepipe.core.frames import Pcm, Segment
from voicepipe.stages.slicer import Slicer

RATE = 24_000
FRAME = RATE // 50


def segment() -> Segment:
    return Segment(turn=1, index=0, text="Hello.", rate=RATE)


def tone(samples: int) -> Pcm:
    return (8000 * np.sin(np.arange(samples) * 0.3)).astype(np.int16)


def sliced(slicer: Slicer, *blocks: Pcm) -> list[Pcm]:
    return [frame for block in blocks for frame in slicer.push(block)]


@given(st.lists(st.integers(1, 2000), min_size=1, max_size=12))
def test_whatever_the_blocks_are_the_frames_are_20_ms_and_nothing_is_lost(sizes: list[int]) -> None:
    pcm = tone(sum(sizes))
    of = segment()
    slicer = Slicer(of)
    ends = np.cumsum(sizes)[:-1]
    frames = sliced(slicer, *np.split(pcm, ends))
    assert all(frame.size == FRAME for frame in frames)
    whole = np.concatenate([*frames, slicer.flush()])
    assert np.array_equal(whole, pcm[of.trimmed :])
    assert of.samples == of.made == whole.size


def test_the_silence_at_the_beginning_is_trimmed_and_noted() -> None:
    of = segment()
    frames = sliced(Slicer(of), np.zeros(RATE // 5, np.int16), tone(RATE // 5))
    assert of.trimmed > RATE // 6
    assert np.abs(frames[0].astype(int)).max() > 1000


def test_the_length_is_unknown_until_the_end() -> None:
    of = segment()
    slicer = Slicer(of)
    slicer.push(tone(1000))
    assert (of.made, of.samples) == (1000, None)
    slicer.flush()
    assert of.samples == 1000


def test_the_level_of_each_frame_is_noted() -> None:
    of = segment()
    sliced(Slicer(of), tone(3 * FRAME))
    assert len(of.levels) == 3
    assert all(-20 < level < -10 for level in of.levels)
