from __future__ import annotations

from fractions import Fraction

import pytest

from voicepipe.compare.intervals import Estimate, Ratio, Share
from voicepipe.compare.latencies import StageShare
from voicepipe.compare.wording import (
    chance,
    cost_phrase,
    latency_phrase,
    listed,
    many,
    ms,
    percent,
    share_of,
    stages_phrase,
    success_phrase,
    times,
    usd,
)
from voicepipe.core.units import MS
from voicepipe.speech.pricing import PICO


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "0 ms"),
        (310 * MS, "310 ms"),
        (-310 * MS, "310 ms"),
        (MS * 3 // 2, "1.5 ms"),
        (7 * MS, "7 ms"),
        (9_999 * MS, "9999 ms"),
        (12_350 * MS, "12.3 s"),
    ],
)
def test_durations_have_as_many_digits_as_matter(ns: int, text: str) -> None:
    assert ms(ns) == text


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0, "0 USD"),
        (12_345 * PICO // 10**6, "0.0123 USD"),
        (2_500 * PICO // 1000, "2.5 USD"),
        (1234 * PICO, "1234 USD"),
        (7, "0.000000000007 USD"),
    ],
)
def test_money_has_three_digits_that_count(amount: int, text: str) -> None:
    assert usd(amount) == text


def test_shares_are_whole_percent_and_small_ones_have_one_digit() -> None:
    assert percent(Fraction(23, 25)) == "92 %"
    assert percent(0.004) == "0.4 %"
    assert percent(0) == "0 %"
    assert share_of(Share(9, 10, None, None)) == "9 of 10 (90 %)"


def test_names_are_counted_and_listed_as_people_do() -> None:
    assert (many(1, "call"), many(3, "call")) == ("1 call", "3 calls")
    assert (listed([]), listed(["a"]), listed(["a", "b", "c"])) == ("", "a", "a, b and c")


@pytest.mark.parametrize(
    ("ratio", "text"),
    [
        (Fraction(23, 10), "2.3 times as much"),
        (Fraction(2), "2 times as much"),
        (Fraction(40), "40 times as much"),
        (Fraction(112, 100), "12 % more"),
        (Fraction(3, 5), "40 % less"),
        (Fraction(0), "nothing"),
    ],
)
def test_a_ratio_reads_as_people_say_it(ratio: Fraction, text: str) -> None:
    assert times(ratio) == text


def estimate(value: int, low: int, high: int) -> Estimate:
    return Estimate(value * MS, low * MS, high * MS)


def test_a_difference_that_counts_is_told_with_its_interval_and_clock() -> None:
    found = latency_phrase(estimate(-310, -360, -250), "less", "default", 9, "real")
    assert found == "answers 310 ms sooner than default at the median (95 %: 250 to 360 ms, real clock)"
    found = latency_phrase(estimate(15_000, 9_000, 20_000), "more", "default", 9, "real")
    assert found == "answers 15.0 s later than default at the median (95 %: 9000 ms to 20.0 s, real clock)"


def test_what_may_be_chance_cannot_be_told_apart() -> None:
    found = latency_phrase(estimate(-12, -40, 20), "unclear", "default", 9, "charged")
    assert found == (
        "can't be told apart from default in latency "
        "(12 ms sooner at the median; 95 %: 40 ms sooner to 20 ms later, charged clock)"
    )


def test_few_calls_are_told_without_an_interval() -> None:
    found = latency_phrase(estimate(-12, -40, 20), "few", "default", 3, "real")
    assert found == "answered 12 ms sooner than default at the median of 3 call scripts (real clock)"


def test_what_was_not_measured_or_does_not_differ_is_said() -> None:
    assert "can't be held against default" in latency_phrase(None, "unknown", "default", 0, "real")
    assert latency_phrase(estimate(0, 0, 0), "same", "a", 9, "real").startswith(
        "answers exactly as fast as a"
    )


def test_of_few_calls_it_is_told_what_was_also_where_nothing_differs() -> None:
    equal = latency_phrase(Estimate(0, 0, 0), "same", "a", 2, "simulated")
    assert equal == "answered exactly as fast as a at the median (simulated clock)"
    assert cost_phrase(None, Estimate(0, 0, 0), "same", few=True) == "cost the same"


def test_costs_are_told_as_a_ratio() -> None:
    a_call = Estimate(5 * PICO, 4 * PICO, 6 * PICO)
    ratio = Ratio(Fraction(23, 10), None, None)
    assert cost_phrase(ratio, a_call, "more") == "costs 2.3 times as much"
    assert cost_phrase(ratio, a_call, "few") == "cost 2.3 times as much"
    assert cost_phrase(ratio, a_call, "unclear") == "can't be told apart from it in cost"
    assert cost_phrase(None, a_call, "more") == "costs 5 USD a call, where the other is free"
    assert cost_phrase(None, None, "unknown") is None
    assert cost_phrase(None, Estimate(0, 0, 0), "same") == "costs the same"


def stage(label: str, difference: int, total: int) -> StageShare:
    share = Fraction(difference, total) if total else None
    return StageShare("tts_first_audio", label, Fraction(difference * MS), share)


def test_the_stage_that_makes_most_of_a_difference_is_named() -> None:
    stages = [stage("TTS first audio", -92, -100), stage("playout", -8, -100)]
    assert stages_phrase(stages, estimate(-90, -99, -80)) == "92 % of the difference is TTS first audio"


def test_two_stages_are_named_where_none_makes_most_of_it() -> None:
    stages = [stage("a", 40, 100), stage("b", 35, 100), stage("c", 25, 100)]
    assert stages_phrase(stages, estimate(90, 80, 99)) == "40 % of the difference is a and 35 % is b"


def test_a_stage_that_makes_more_than_the_difference_is_held_against_those_that_take_some_back() -> None:
    stages = [stage("a", -150, -100), stage("b", 50, -100)]
    found = stages_phrase(stages, estimate(-90, -99, -80))
    assert found == "a alone is 150 ms sooner, of which b takes some back"
    more = [stage("a", -150, -100), stage("b", 30, -100), stage("c", 20, -100)]
    assert stages_phrase(more, estimate(-90, -99, -80)) == (
        "a alone is 150 ms sooner, of which b and c take some back"
    )


def test_a_stage_that_makes_less_than_the_difference_of_the_medians_is_told_as_a_mean() -> None:
    found = stages_phrase([stage("a", -78, -60), stage("b", 18, -60)], estimate(-91, -99, -80))
    assert found == "on average a alone is 78 ms sooner, of which b takes some back"


def test_means_that_differ_the_other_way_than_the_medians_explain_nothing() -> None:
    assert stages_phrase([stage("a", 100, 100)], estimate(-90, -99, -80)) is None
    assert stages_phrase([stage("a", 0, 0)], estimate(-90, -99, -80)) is None
    assert stages_phrase([], estimate(-90, -99, -80)) is None


def test_success_is_told_with_the_chance_of_it() -> None:
    few, all_ = Share(4, 10, None, None), Share(10, 10, None, None)
    less = success_phrase("fast", "default", few, all_, 0.0313, "less")
    assert less == (
        "fast reached what was expected in 4 of 10 (40 %) of its calls, default in 10 of 10 (100 %): "
        "significantly fewer (p = 0.031), so it is not the better one"
    )
    more = success_phrase("fast", "default", all_, few, 0.0004, "more")
    assert more is not None
    assert more.endswith("significantly more (p < 0.001)")
    maybe = success_phrase("fast", "default", few, all_, 0.25, "unclear")
    assert maybe is not None
    assert maybe.endswith("which may be chance (p = 0.25)")
    assert success_phrase("fast", "default", all_, all_, 1.0, "same") is None
    assert chance(1.0) == "p = 1"
