from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from voicepipe.audio.trail import Trail

KEEP = 50


def test_what_was_never_written_is_silence() -> None:
    trail = Trail(KEEP)
    assert not trail.between(-KEEP, 0).any()
    trail.write(np.full(3, 7, np.int16), 10)
    assert trail.end == 13
    assert trail.between(8, 13).tolist() == [0, 0, 7, 7, 7]


def test_what_is_too_old_is_left_out() -> None:
    trail = Trail(KEEP)
    trail.write(np.full(KEEP, 1, np.int16), 0)
    trail.write(np.full(KEEP, 2, np.int16), KEEP)
    trail.write(np.full(10, 9, np.int16), KEEP - 5)
    assert trail.between(KEEP, KEEP + 6).tolist() == [9, 9, 9, 9, 9, 2]
    trail.write(np.full(10, 5, np.int16), 0)
    assert trail.between(KEEP, KEEP + 6).tolist() == [9, 9, 9, 9, 9, 2]


@given(st.lists(st.tuples(st.integers(-2 * KEEP, 3 * KEEP), st.integers(0, KEEP)), max_size=40))
def test_it_holds_the_latest_of_what_was_written_wherever(writes: list[tuple[int, int]]) -> None:
    trail, truth = Trail(KEEP), np.zeros(40 * 4 * KEEP + KEEP)
    for number, (ahead, size) in enumerate(writes, 1):
        at = max(0, trail.end + ahead)
        first, end = max(at, trail.end - KEEP), at + size
        truth[KEEP + first : max(KEEP + first, KEEP + end)] = number
        trail.write(np.full(size, number, np.int16), at)
        held = trail.between(trail.end - KEEP, trail.end)
        np.testing.assert_array_equal(held, truth[trail.end : KEEP + trail.end])
