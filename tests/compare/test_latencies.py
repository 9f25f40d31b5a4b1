from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from tests.support.comparisons import SHARES, call, turn
from voicepipe.compare.intervals import Estimate
from voicepipe.compare.latencies import (
    latency_of,
    measured_turns,
    rounded,
    stage_figures,
    stage_shares,
    voice_to_voice,
)
from voicepipe.core.units import MS
from voicepipe.observe.timeline import Step

TTS_ONLY: dict[Step, int] = {"tts_first_audio": 100}


def test_percentiles_are_nearest_ranks() -> None:
    latency = latency_of([[value * MS for value in range(1, 11)]], "real", 1)
    assert latency.p50 == Estimate(5 * MS, None, None)
    assert latency.p90 == Estimate(9 * MS, None, None)
    assert latency.p95 == Estimate(10 * MS, None, None)
    assert latency.mean == Estimate(5 * MS + MS // 2, None, None)


def test_p99_needs_three_hundred_turns() -> None:
    assert latency_of([[1] * 299], "real", 1).p99 is None
    assert latency_of([[1] * 300], "real", 1).p99 == Estimate(1, None, None)


def test_without_turns_there_is_no_figure() -> None:
    latency = latency_of([[], []], "simulated", 1)
    assert (latency.turns, latency.scripts, latency.values_ns) == (0, 0, ())
    assert (latency.p50, latency.p90, latency.p95, latency.p99, latency.mean) == (None,) * 5


def test_identical_repetitions_of_one_latency_make_an_interval_of_no_width() -> None:
    latency = latency_of([[700] * 5, [700] * 5], "simulated", 1)
    assert latency.p50 == Estimate(700, 700, 700)


def test_turns_that_were_not_answered_have_no_latency() -> None:
    calls = {"booking": [call(turns=[turn(1, 400), turn(2, None), turn(3, 800)])]}
    assert [one.turn for one in measured_turns(calls["booking"])] == [1, 3]
    assert voice_to_voice(calls, "charged", 1).values_ns == (400 * MS, 800 * MS)


def test_the_means_of_the_steps_sum_to_that_of_the_whole() -> None:
    turns = [turn(1, 401), turn(2, 799, shares={**SHARES, "tools": 33}), turn(3, 1003)]
    calls = {"a": [call(turns=turns[:2])], "b": [call(turns=turns[2:])]}
    figures = stage_figures(calls, "real", 1)
    assert sum(figure.mean_ns for figure in figures) == Fraction((401 + 799 + 1003) * MS, 3)
    assert abs(sum(figure.share for figure in figures) - 1) < 1e-12


def test_a_steps_median_is_over_the_turns_that_took_it() -> None:
    calls = {"a": [call(turns=[turn(1, 400), turn(2, 400), turn(3, 1000, shares={"tools": 100})])]}
    tools = next(figure for figure in stage_figures(calls, "real", 1) if figure.step == "tools")
    assert tools.turns == 1
    assert tools.p50 == Estimate(1000 * MS, None, None)
    assert tools.mean_ns == Fraction(1000 * MS, 3)


def test_steps_stand_in_the_order_of_a_turn() -> None:
    calls = {"a": [call(turns=[turn(1, 400)])]}
    steps = [figure.step for figure in stage_figures(calls, "real", 1)]
    assert steps == ["endpoint", "stt", "llm_first_token", "llm", "tts_first_audio", "playout"]


@given(st.lists(st.integers(1, 5000), min_size=1, max_size=5), st.lists(st.integers(1, 5000), min_size=1))
def test_what_the_steps_make_of_a_difference_sums_to_it(ours: list[int], theirs: list[int]) -> None:
    our = [turn(number, ms, shares=TTS_ONLY) for number, ms in enumerate(ours)]
    their = [turn(number, ms) for number, ms in enumerate(theirs)]
    shares = stage_shares(our, their)
    whole = Fraction(sum(ours) * MS, len(ours)) - Fraction(sum(theirs) * MS, len(theirs))
    assert sum(share.difference_ns for share in shares) == whole
    if whole:
        assert sum(share.share for share in shares if share.share is not None) == 1
    else:
        assert {share.share for share in shares} <= {None}


def test_the_largest_part_of_a_difference_comes_first() -> None:
    ours = [turn(1, 1000, shares={"endpoint": 30, "tts_first_audio": 70})]
    theirs = [turn(1, 400, shares={"endpoint": 50, "tts_first_audio": 50})]
    shares = stage_shares(ours, theirs)
    assert [(share.step, share.difference_ns) for share in shares] == [
        ("tts_first_audio", 500 * MS),
        ("endpoint", 100 * MS),
    ]
    assert shares[0].share == Fraction(5, 6)


def test_without_turns_on_both_sides_there_is_nothing_to_share() -> None:
    assert stage_shares([], [turn(1, 5)]) == ()


def test_what_is_shown_is_rounded_half_to_even() -> None:
    assert rounded(Fraction(5, 2), None, Fraction(7, 2)) == Estimate(2, None, 4)
    assert rounded(Fraction(1, 3), Fraction(1, 6), None, 60) == Estimate(20, 10, None)
