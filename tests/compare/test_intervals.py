from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicepipe.compare.intervals import (
    DRAWS,
    Estimate,
    bounds,
    drawn_percentiles,
    draws,
    percentile_difference,
    percentile_estimates,
    quotient,
    sign_flip,
    told,
    wilson,
)
from voicepipe.observe.expectations import percentile

GROUPS = st.lists(st.lists(st.integers(0, 10**10), min_size=1, max_size=5), min_size=2, max_size=6)


@given(GROUPS, st.sampled_from([50, 90, 95, 99]))
def test_a_percentile_of_a_draw_is_that_of_the_values_of_the_units_drawn(
    groups: Sequence[Sequence[int]], percent: int
) -> None:
    counts = draws(len(groups), seed=3)[:20]
    drawn = drawn_percentiles(groups, [percent], counts)[percent]
    for row, found in zip(counts, drawn, strict=True):
        values = [value for group, times in zip(groups, row, strict=True) for value in [*group] * times]
        assert found == percentile(values, percent)


def test_a_draw_has_as_many_units_as_there_are() -> None:
    counts = draws(7, seed=1)
    assert counts.shape == (DRAWS, 7)
    assert set(counts.sum(axis=1)) == {7}


def test_the_same_seed_draws_the_same() -> None:
    assert np.array_equal(draws(5, seed=9), draws(5, seed=9))
    assert not np.array_equal(draws(5, seed=9), draws(5, seed=10))


def test_bounds_leave_one_in_forty_out_on_either_side() -> None:
    assert bounds(list(range(1000))) == (25, 974)


def test_repetitions_of_the_same_call_make_an_interval_no_narrower() -> None:
    once = [[100], [200], [300], [400], [500], [600]]
    often = [group * 50 for group in once]
    assert percentile_estimates(once, [50], 1) == percentile_estimates(often, [50], 1)


def test_one_script_has_a_value_and_no_interval() -> None:
    assert percentile_estimates([[1, 2, 3]], [50], 1) == {50: Estimate(2, None, None)}


def test_units_without_values_count_for_nothing() -> None:
    assert percentile_estimates([[], [5], [], [7]], [50], 1) == percentile_estimates([[5], [7]], [50], 1)
    assert percentile_estimates([[], []], [50], 1) == {}


def test_what_makes_a_script_slow_for_both_is_no_part_of_the_difference() -> None:
    theirs = [[100], [900], [250], [400], [700], [2000]]
    ours = [[value + 30 for value in group] for group in theirs]
    assert percentile_difference(ours, theirs, 50, 1) == Estimate(30, 30, 30)


def test_a_difference_is_over_the_scripts_in_which_both_have_values() -> None:
    assert percentile_difference([[1], [], [5]], [[], [2], [9]], 50, 1) == Estimate(-4, None, None)
    assert percentile_difference([[1], []], [[], [2]], 50, 1) is None


def test_more_values_than_fit_into_one_block_are_computed_in_parts() -> None:
    groups = [list(range(at, 6000, 3)) for at in range(3)]
    counts = draws(3, seed=4)
    by_parts = drawn_percentiles(groups, [50], counts)[50]
    one_by_one = [drawn_percentiles(groups, [50], row[None])[50][0] for row in counts[::100]]
    assert list(by_parts[::100]) == one_by_one


# ── quotients ────────────────────────────────────────────────────────────────────────────────────


def test_a_quotient_is_exact() -> None:
    found = quotient([1, 1], [3, 4], 1)
    assert found is not None
    assert found[0] == Fraction(2, 7)
    assert found[1:] == (Fraction(1, 4), Fraction(1, 3))


def test_nothing_can_be_divided_by_nothing() -> None:
    assert quotient([1, 2], [0, 0], 1) is None
    assert quotient([], [], 1) is None


def test_a_quotient_has_no_bounds_if_a_draw_may_be_over_nothing() -> None:
    assert quotient([1, 1], [0, 2], 1) == (Fraction(1), None, None)
    assert quotient([3], [2], 1) == (Fraction(3, 2), None, None)


@given(st.lists(st.tuples(st.integers(0, 10**15), st.integers(1, 10**13)), min_size=2, max_size=8))
def test_the_bounds_of_a_quotient_lie_among_those_of_its_units(pairs: list[tuple[int, int]]) -> None:
    found = quotient([above for above, _ in pairs], [below for _, below in pairs], 1)
    assert found is not None
    value, low, high = found
    assert low is not None
    assert high is not None
    own = [Fraction(above, below) for above, below in pairs]
    assert min(own) <= low <= high <= max(own)
    assert min(own) <= value <= max(own)


def test_means_of_nothing_but_chance_seldom_differ_also_with_six_scripts() -> None:
    generator = np.random.default_rng(1)
    found = 0
    for seed in range(300):
        differences = [int(one) for one in generator.normal(0, 10**6, 6)]
        mean = quotient(differences, [1] * 6, seed)
        assert mean is not None
        assert mean[1] is not None
        assert mean[2] is not None
        found += mean[1] > 0 or mean[2] < 0
    assert found <= 0.09 * 300


# ── shares ───────────────────────────────────────────────────────────────────────────────────────


def test_wilsons_interval_is_that_of_the_textbook() -> None:
    share = wilson(8, 10, 10)
    assert share.low == pytest.approx(0.4902, abs=1e-4)
    assert share.high == pytest.approx(0.9433, abs=1e-4)


def test_repetitions_of_a_script_make_a_share_no_surer() -> None:
    assert wilson(80, 100, 10).low == wilson(8, 10, 10).low


@given(st.integers(0, 50), st.integers(1, 50), st.integers(1, 20))
def test_a_share_lies_in_its_interval_and_that_between_nothing_and_all(
    part: int, more: int, units: int
) -> None:
    share = wilson(part, part + more, units)
    if units == 1:
        assert (share.low, share.high) == (None, None)
    else:
        assert share.low is not None
        assert share.high is not None
        assert 0 <= share.low <= share.value <= share.high <= 1


def test_the_test_by_signs_counts_all_choices() -> None:
    differences = [Fraction(1, 2), Fraction(-1, 3), Fraction(1), Fraction(0)]
    sizes = [Fraction(1, 2), Fraction(1, 3), Fraction(1)]
    sums = [
        sum(sign * size for sign, size in zip(signs, sizes, strict=True))
        for signs in product((1, -1), repeat=3)
    ]
    seen = abs(sum(differences))
    assert sign_flip(differences, 1) == sum(abs(one) >= seen for one in sums) / 8


def test_five_scripts_can_never_be_significant_and_six_can() -> None:
    assert sign_flip([Fraction(-1)] * 5, 1) == 0.0625
    assert sign_flip([Fraction(-1)] * 6, 1) == 0.03125


def test_differences_without_a_common_measure_are_tested_all_the_same() -> None:
    primes = (1009, 1013, 1019, 1021, 1031, 1033)
    assert sign_flip([Fraction(-1, prime) for prime in primes], 1) == 0.03125


def test_no_difference_is_certainly_by_chance() -> None:
    assert sign_flip([], 1) == 1.0
    assert sign_flip([Fraction(0)] * 9, 1) == 1.0


def test_many_scripts_are_tested_by_seeded_choices() -> None:
    assert sign_flip([Fraction(-1)] * 30, 1) == pytest.approx(1 / 4097)
    mixed = [Fraction(1), Fraction(-1)] * 20
    assert sign_flip(mixed, 1) == 1.0


# ── what counts ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("difference", "scripts", "answer"),
    [
        (None, 9, "unknown"),
        (Estimate(0, 0, 0), 9, "same"),
        (Estimate(0, 0, 0), 2, "same"),
        (Estimate(-5, -9, -1), 6, "less"),
        (Estimate(5, 1, 9), 6, "more"),
        (Estimate(5, -1, 9), 6, "unclear"),
        (Estimate(5, 0, 9), 6, "unclear"),
        (Estimate(-5, -9, -1), 5, "few"),
        (Estimate(-5, None, None), 1, "few"),
    ],
)
def test_a_difference_counts_if_its_interval_is_without_0_over_enough_scripts(
    difference: Estimate | None, scripts: int, answer: str
) -> None:
    assert told(difference, scripts) == answer
