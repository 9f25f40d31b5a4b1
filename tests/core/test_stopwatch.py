from __future__ import annotations

from voicepipe.core.stopwatch import Stopwatch
from voicepipe.core.units import SECOND


def test_what_is_left_takes_as_long_as_what_was_done() -> None:
    times = iter((5 * SECOND, 25 * SECOND, 25 * SECOND))
    watch = Stopwatch(lambda: next(times))
    assert watch.elapsed_ns == 20 * SECOND
    assert watch.left_ns(4, 6) == 30 * SECOND


def test_nothing_is_known_before_the_first() -> None:
    assert Stopwatch(lambda: 0).left_ns(0, 6) is None


def test_real_time_never_goes_back() -> None:
    watch = Stopwatch()
    assert 0 <= watch.elapsed_ns <= watch.elapsed_ns
