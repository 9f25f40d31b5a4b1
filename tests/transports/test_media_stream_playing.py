from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from voicepipe.core.frames import Pcm
from voicepipe.core.units import MS, SECOND
from voicepipe.transports.media_stream_playing import FADE_MS, MOST_BEHIND_S, MOST_MARKS, FarSide

RATE = 8000
BLOCK = 160
FADE = RATE * FADE_MS // 1000


def block(samples: int = BLOCK) -> Pcm:
    return np.full(samples, 1000, np.int16)


def given_audio(far: FarSide, ms: int, at_ns: int = 0) -> list[int]:
    """``ms`` are sent at once; the marks that were asked for."""
    numbers = [far.send(block(), at_ns) for _ in range(ms // 20)]
    return [number for number in numbers if number is not None]


def test_what_was_sent_is_pending_until_its_time_has_come() -> None:
    far = FarSide(RATE)
    given_audio(far, 100)
    assert [far.pending(ms * MS) for ms in (0, 25, 100, 200)] == [800, 600, 0, 0]


def test_a_mark_is_asked_for_every_200_ms_of_audio() -> None:
    far = FarSide(RATE)
    assert given_audio(far, 180) == []
    assert given_audio(far, 420) == [1, 2, 3]


def test_marks_that_come_back_as_late_as_the_way_is_long_change_nothing() -> None:
    far = FarSide(RATE)
    given_audio(far, 600)
    for number, at in (("1", 280), ("2", 480)):
        far.played(number, at * MS)
    assert far.pending(500 * MS) == 100 * RATE // 1000


def test_a_far_side_that_falls_behind_is_seen_by_its_marks_and_so_is_that_it_has_caught_up() -> None:
    far = FarSide(RATE)
    given_audio(far, 1000)
    far.played("1", 250 * MS)
    far.played("2", 750 * MS)  # 300 ms later than the first one was
    assert far.pending(750 * MS) == 550 * RATE // 1000
    far.played("3", 660 * MS + 100 * MS)
    assert far.pending(760 * MS) == (240 + 110) * RATE // 1000


def test_a_pause_between_replies_isnt_taken_for_being_behind() -> None:
    far = FarSide(RATE)
    given_audio(far, 200)
    far.played("1", 250 * MS)
    given_audio(far, 200, at_ns=5 * SECOND)
    far.played("2", 5 * SECOND + 250 * MS)
    assert far.pending(5 * SECOND + 200 * MS) == 0


def test_a_far_side_whose_old_mark_comes_after_a_pause_is_only_as_much_behind_as_it_is() -> None:
    far = FarSide(RATE)
    given_audio(far, 400)
    far.played("1", 250 * MS)
    given_audio(far, 200, at_ns=500 * MS)  # by our clock there was nothing to play for 100 ms
    far.played("2", 750 * MS)  # it comes 300 ms late: of those the pause takes 100
    assert far.pending(750 * MS) == (700 + 200 - 750) * RATE // 1000


def test_marks_that_come_back_because_of_a_clear_say_nothing() -> None:
    far = FarSide(RATE)
    given_audio(far, 1000)
    far.played("1", 210 * MS)
    far.clear(300 * MS)
    given_audio(far, 400, at_ns=300 * MS)
    before = far.pending(400 * MS)
    for number in ("2", "3", "4", "5", "99", "x"):
        far.played(number, 400 * MS)
    assert far.pending(400 * MS) == before


def test_a_far_side_that_says_it_is_far_behind_is_believed_for_five_seconds_only() -> None:
    believed, stuck = FarSide(RATE), FarSide(RATE)
    for far, late_s in ((believed, MOST_BEHIND_S - 1), (stuck, 60)):
        given_audio(far, 1000)
        far.played("1", 250 * MS)
        far.played("2", late_s * SECOND)
    assert believed.pending((MOST_BEHIND_S - 1) * SECOND) == 550 * RATE // 1000
    assert stuck.pending(60 * SECOND) == 0


def test_a_mark_that_was_lost_is_passed_over() -> None:
    far = FarSide(RATE)
    given_audio(far, 600)
    far.played("3", 610 * MS)
    far.played("1", 900 * MS)
    assert far.pending(590 * MS) == 80


def test_a_clear_leaves_5_ms_that_fade() -> None:
    far = FarSide(RATE)
    given_audio(far, 100)
    tail = far.clear(30 * MS)
    assert tail is not None
    assert tail.size == FADE
    assert tail[0] > 900
    assert tail[-1] == 0
    assert far.pending(30 * MS) == FADE


def test_nothing_is_cleared_where_nothing_is_pending() -> None:
    far = FarSide(RATE)
    assert far.clear(0) is None
    given_audio(far, 20)
    assert far.clear(20 * MS) is None


def test_less_than_the_fade_fades_whole() -> None:
    far = FarSide(RATE)
    given_audio(far, 20)
    tail = far.clear(18 * MS)
    assert tail is not None
    assert tail.size == 16
    assert far.pending(18 * MS) == 16


def test_who_answers_no_marks_isnt_asked_for_ever() -> None:
    far = FarSide(RATE)
    assert len(given_audio(far, 200 * (MOST_MARKS + 20))) == MOST_MARKS


@given(
    st.lists(
        st.tuples(st.sampled_from(["send", "clear", "mark"]), st.integers(0, 300), st.integers(1, 30)),
        max_size=60,
    )
)
def test_never_is_more_pending_than_was_sent_nor_less_than_nothing(steps: list[tuple[str, int, int]]) -> None:
    far, now, sent = FarSide(RATE), 0, 0
    for what, ms, number in steps:
        now += ms * MS
        if what == "send":
            before = far.pending(now)
            far.send(block(), now)
            sent += BLOCK
            assert far.pending(now) == before + BLOCK
        elif what == "clear":
            far.clear(now)
            assert far.pending(now) <= FADE
        else:
            far.played(str(number), now)
        assert far.pending(now) >= 0
