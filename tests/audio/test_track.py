from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from voicepipe.audio.pcm import Pcm
from voicepipe.audio.track import Track

RATE = 16_000


def block(size: int, value: int = 1) -> Pcm:
    return np.full(size, value, np.int16)


def test_what_is_heard_lies_where_it_was_put_with_silence_around_it() -> None:
    track = Track(RATE)
    track.add(3, block(2))
    track.add(7, block(2, 5))
    assert track.take(0, 10).tolist() == [0, 0, 0, 1, 1, 0, 0, 5, 5, 0]


def test_nothing_is_given_out_twice() -> None:
    track = Track(RATE)
    track.add(0, block(10))
    assert track.take(0, 5).tolist() == [1] * 5
    assert track.take(0, 10).tolist() == [0] * 5 + [1] * 5


def test_a_cut_ends_in_a_fade_and_leaves_nothing_after_it() -> None:
    track = Track(1000)
    track.add(0, block(100, 1000))
    track.add(100, block(100, 1000))
    track.cut(50, fade_ms=10)
    taken = track.take(0, 200)
    assert (taken[:40] == 1000).all()
    assert (np.diff(taken[40:50]) < 0).all()
    assert not taken[49:].any()


def test_a_cut_after_the_end_changes_nothing() -> None:
    track = Track(1000)
    track.add(0, block(100, 1000))
    track.cut(150, fade_ms=10)
    assert (track.take(0, 100) == 1000).all()


def test_what_is_forgotten_is_over() -> None:
    track = Track(1000)
    track.add(0, block(10))
    track.add(10, block(10, 2))
    track.forget(10)
    assert track.take(0, 20).tolist() == [0] * 10 + [2] * 10


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 9))), st.lists(st.integers(1, 20)))
def test_however_it_is_taken_the_whole_is_the_same(blocks: list[tuple[int, int]], sizes: list[int]) -> None:
    def filled() -> tuple[Track, int]:
        track, end = Track(RATE), 0
        for number, (gap, size) in enumerate(blocks):
            track.add(end + gap, block(size, number + 1))
            end += gap + size
        return track, end

    track, end = filled()
    whole = track.take(0, end + sum(sizes))
    track, _ = filled()
    parts, start = [np.zeros(0, np.int16)], 0
    for size in sizes:
        parts.append(track.take(start, start + size))
        start += size
    parts.append(track.take(start, end + sum(sizes)))
    np.testing.assert_array_equal(np.concatenate(parts), whole)
