from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from voicepipe.core.frames import Pcm
from voicepipe.transports.media_stream_arrivals import FRAME, Arrivals, Frame

LATEST = 10**9
"""A day's samples and more: time doesn't limit anything."""


def ramp(start: int, size: int = FRAME) -> Pcm:
    """Samples that tell where they come from; never silence."""
    return (np.arange(start, start + size) % 30_000 + 1).astype(np.int16)


def taken(arrivals: Arrivals, *chunks: tuple[int | None, Pcm]) -> list[Frame]:
    return [frame for timestamp, pcm in chunks for frame in arrivals.take(pcm, timestamp, LATEST)]


def test_20_ms_go_through_as_they_are() -> None:
    arrivals = Arrivals()
    pcm = ramp(0)
    (frame,) = arrivals.take(pcm, 12_345, LATEST)
    assert frame.position == 0
    assert frame.pcm is pcm
    assert [frame.position for frame in arrivals.take(ramp(FRAME), 12_365, LATEST)] == [FRAME]


@given(st.lists(st.integers(0, 500), max_size=30), st.booleans())
def test_however_it_is_cut_the_same_frames_come_out(sizes: list[int], timed: bool) -> None:
    arrivals, chunks, at = Arrivals(), [], 0
    for size in sizes:
        chunks.append((1000 + at // 8 if timed else None, ramp(at, size)))
        at += size
    frames = taken(arrivals, *chunks)
    assert [frame.position for frame in frames] == list(range(0, at - at % FRAME, FRAME))
    assert all(frame.pcm.size == FRAME for frame in frames)
    if frames:
        assert np.array_equal(np.concatenate([frame.pcm for frame in frames]), ramp(0, len(frames) * FRAME))
    assert arrivals.gaps_ms == arrivals.old == 0


def test_timestamps_that_jitter_by_less_than_a_frame_say_nothing() -> None:
    arrivals = Arrivals()
    stamps = [5, 30, 40, 79, 66, 105]
    frames = taken(arrivals, *((stamp, ramp(n * FRAME)) for n, stamp in enumerate(stamps)))
    assert [frame.position for frame in frames] == [n * FRAME for n in range(6)]
    assert arrivals.gaps_ms == 0


def test_a_short_gap_is_silence_in_its_place() -> None:
    arrivals = Arrivals()
    frames = taken(arrivals, (0, ramp(0)), (60, ramp(3 * FRAME)))
    assert [frame.position for frame in frames] == [0, FRAME, 2 * FRAME, 3 * FRAME]
    assert not frames[1].pcm.any()
    assert not frames[2].pcm.any()
    assert np.array_equal(frames[3].pcm, ramp(3 * FRAME))
    assert arrivals.gaps_ms == 40


def test_a_long_gap_is_a_leap_of_the_position() -> None:
    arrivals = Arrivals()
    frames = taken(arrivals, (0, ramp(0)), (3_600_020, ramp(0)))
    assert [frame.position for frame in frames] == [0, 3_600_020 * 8]
    assert arrivals.gaps_ms == 3_600_000


def test_a_leap_leaves_no_sample_in_the_wrong_place() -> None:
    arrivals = Arrivals()
    first = ramp(0, 200)
    frames = taken(arrivals, (0, first), (1025, ramp(8200, 320)))
    assert [frame.position for frame in frames] == [0, FRAME, 8200, 8200 + FRAME]
    assert np.array_equal(frames[1].pcm[:40], first[160:])
    assert not frames[1].pcm[40:].any()


def test_what_was_overtaken_is_left_out() -> None:
    arrivals = Arrivals()
    frames = taken(arrivals, (0, ramp(0)), (60, ramp(0)), (20, ramp(0)), (40, ramp(0)), (80, ramp(0)))
    assert [frame.position // FRAME for frame in frames] == [0, 1, 2, 3, 4]
    assert arrivals.old == 2


def test_of_what_is_there_in_part_the_rest_is_taken() -> None:
    arrivals = Arrivals()
    frames = taken(arrivals, (0, ramp(0, 5 * FRAME)), (60, ramp(3 * FRAME, 5 * FRAME)))
    assert np.array_equal(np.concatenate([frame.pcm for frame in frames]), ramp(0, 8 * FRAME))
    assert arrivals.old == 0


def test_a_far_side_that_counts_anew_is_followed_after_a_second() -> None:
    arrivals = Arrivals()
    taken(arrivals, (1_000_000, ramp(0)))
    frames = taken(arrivals, *((20 * n, ramp(0)) for n in range(60)))
    assert [frame.position for frame in frames] == [FRAME * n for n in range(1, 12)]
    assert arrivals.old == 50


@given(st.lists(st.tuples(st.one_of(st.none(), st.integers(0, 5000)), st.integers(0, 400)), max_size=40))
def test_positions_never_overlap_and_frames_are_always_20_ms(chunks: list[tuple[int | None, int]]) -> None:
    arrivals = Arrivals()
    end = 0
    for timestamp, size in chunks:
        for frame in arrivals.take(ramp(0, size), timestamp, LATEST):
            assert frame.position >= end
            assert frame.pcm.size == FRAME
            end = frame.position + FRAME


def test_a_timestamp_that_is_ahead_of_the_time_is_no_gap_but_another_count() -> None:
    arrivals = Arrivals()
    frames = [
        frame
        for number, timestamp in enumerate((0, 10**15 - 1, 10**15 + 19, 20, 40))
        for frame in arrivals.take(ramp(0), timestamp, number * FRAME + 8000)
    ]
    # The fourth and fifth are of the past then: they are left out, until the past has lasted for a second.
    assert [frame.position for frame in frames] == [0, FRAME, 2 * FRAME]
    assert arrivals.gaps_ms == 0
    assert arrivals.old == 2
