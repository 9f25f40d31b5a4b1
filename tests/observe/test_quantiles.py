from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicepipe.core.units import MS, SECOND
from voicepipe.observe.expectations import percentile
from voicepipe.observe.quantiles import (
    BINS,
    LONGEST,
    PRECISION,
    SHORTEST,
    SLICES,
    RollingDurations,
    RollingSums,
)

WINDOW = 15 * SECOND
SLICE = WINDOW // SLICES
DURATIONS = st.lists(st.integers(SHORTEST, LONGEST), min_size=1, max_size=200)


@given(DURATIONS, st.integers(1, 99))
def test_a_percentile_is_within_one_percent_of_the_true_one(durations: list[int], percent: int) -> None:
    rolling = RollingDurations(WINDOW)
    for duration in durations:
        rolling.add(0, duration)
    true = percentile(durations, percent)
    assert abs(rolling.percentile(percent) - true) <= true * PRECISION * (1 + 1e-9) + 1
    assert rolling.count == len(durations)


@given(st.lists(st.tuples(st.integers(0, SLICE), st.integers(SHORTEST, LONGEST)), min_size=1, max_size=100))
def test_only_what_lies_in_the_window_counts_and_all_of_it_but_for_a_slice(
    steps: list[tuple[int, int]],
) -> None:
    rolling, now, added = RollingDurations(WINDOW), 0, list[tuple[int, int]]()
    for wait, duration in steps:
        now += wait
        rolling.add(now, duration)
        added.append((now, duration))
    seen = [duration for at, duration in added if at // SLICE > now // SLICE - SLICES]
    assert rolling.count == len(seen)
    assert {at for at, _ in added if at > now - WINDOW + SLICE} <= {
        at for at, _ in added if at // SLICE > now // SLICE - SLICES
    }
    true = percentile(seen, 50)
    assert abs(rolling.percentile(50) - true) <= true * PRECISION * (1 + 1e-9) + 1


@given(st.lists(st.integers(-SECOND, 10 * LONGEST), min_size=1, max_size=300))
def test_memory_is_bounded_whatever_is_measured(durations: list[int]) -> None:
    rolling = RollingDurations(WINDOW)
    for duration in durations:
        rolling.add(0, duration)
        assert SHORTEST * (1 - PRECISION) <= rolling.percentile(99) <= LONGEST * (1 + PRECISION)
    assert len(rolling._bins.totals) <= BINS


def test_every_bin_can_be_filled_and_there_are_no_more() -> None:
    rolling = RollingDurations(WINDOW)
    duration = float(SHORTEST)
    while duration <= 2 * LONGEST:
        rolling.add(0, round(duration))
        duration *= 1.005
    assert len(rolling._bins.totals) == BINS == 756


def test_what_is_forgotten_leaves_nothing_behind() -> None:
    rolling = RollingDurations(WINDOW)
    rolling.add(0, 800 * MS)
    rolling.forget(WINDOW - 1)
    assert rolling.count == 1
    rolling.forget(WINDOW)
    assert rolling.count == 0
    with pytest.raises(ValueError, match="nothing was measured"):
        rolling.percentile(50)


def test_sums_are_exact() -> None:
    sums = RollingSums(WINDOW)
    sums.add(0, 1, 10**30)
    sums.add(SLICE, 1, 1)
    sums.add(SLICE, 2, -5)
    assert sums.totals == {1: 10**30 + 1, 2: -5}
    sums.forget(WINDOW)
    assert sums.totals == {1: 1, 2: -5}
