from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from tests.support.comparisons import call, comparison, item, turn
from voicepipe.compare.contrasts import Contrast, contrast, pairs
from voicepipe.compare.figures import figures_of, grouped
from voicepipe.compare.intervals import Estimate
from voicepipe.compare.measured import MeasuredCall
from voicepipe.compare.outcomes import reached_in
from voicepipe.core.units import MS
from voicepipe.speech.pricing import PICO

SCRIPTS = tuple("abcdefgh")


def held(variant: str, script: str, ms: int, usd: float = 0.001, **others: Any) -> MeasuredCall:
    return call(variant, script, turns=[turn(1, ms)], items=[item(usd=usd)], **others)


def of(calls: Sequence[MeasuredCall]) -> Contrast:
    """The variant ``fast`` against ``default``."""
    found = comparison(calls)
    figures = figures_of(found).by_name
    ours, theirs = (grouped(found, name) for name in ("fast", "default"))
    return contrast(figures["fast"], figures["default"], ours, theirs, reached_in(calls), 1)


def test_only_repetitions_that_both_began_are_held_against_each_other() -> None:
    ours = {"a": [call("fast", "a", 0), call("fast", "a", 1)], "b": [call("fast", "b", 0)]}
    theirs = {"a": [call("default", "a", 1)], "c": [call("default", "c", 0)]}
    assert [
        [(our.repetition, their.repetition) for our, their in group] for group in pairs(ours, theirs)
    ] == [[(1, 1)]]


def test_latency_and_cost_are_paired_by_script() -> None:
    calls = []
    for number, script in enumerate(SCRIPTS):
        calls += [
            held("default", script, 500 + 100 * number, 0.002),
            held("fast", script, 400 + 100 * number),
        ]
    found = of(calls)
    assert (found.scripts, found.calls) == (8, 8)
    assert found.median == Estimate(-100 * MS, -100 * MS, -100 * MS)
    assert found.latency == "less"
    assert found.cost is not None
    assert found.cost.value == found.cost.low == found.cost.high == Fraction(1, 2)
    assert found.cost_a_call == Estimate(-PICO // 1000, -PICO // 1000, -PICO // 1000)
    assert found.money == "less"
    assert found.sentences[0].startswith("fast answers 100 ms sooner than default at the median")
    assert "and costs 50 % less;" in found.sentences[0]


def test_a_script_that_only_one_of_them_held_decides_nothing() -> None:
    calls = [held(name, script, 500) for name in ("default", "fast") for script in SCRIPTS]
    found = of([*calls, held("fast", "only here", 5)])
    assert (found.scripts, found.latency, found.money) == (8, "same", "same")


def test_calls_that_broke_off_enter_success_but_no_difference() -> None:
    calls = [held("default", script, 500, passed=True) for script in SCRIPTS]
    calls += [held("fast", script, 500, passed=True) for script in SCRIPTS[2:]]
    calls += [held("fast", script, 10, 0.0, error="hung up") for script in SCRIPTS[:2]]
    found = of(calls)
    assert (found.scripts, found.latency, found.money) == (6, "same", "same")
    assert found.ours is not None
    assert (found.ours.part, found.ours.whole) == (6, 8)
    assert found.succeeds == "unclear"
    assert found.drawbacks == ("broke off 2 calls before the end (default: 0; p = 0.5)",)
    assert found.sentences[-1] == "fast broke off 2 calls before the end (default: 0; p = 0.5)."


def test_success_is_tested_by_script_and_not_by_call() -> None:
    calls = [
        held(name, "only one", 500, repetition=number, passed=name == "default")
        for name in ("default", "fast")
        for number in range(50)
    ]
    found = of(calls)
    assert found.p == 1.0
    assert found.succeeds == "few"


def test_fewer_successes_in_each_of_six_scripts_are_significant() -> None:
    calls = [
        held(name, script, 500, passed=name == "default")
        for name in ("default", "fast")
        for script in SCRIPTS[:6]
    ]
    found = of(calls)
    assert found.p == 0.03125
    assert found.succeeds == "less"
    assert found.sentences[-1].endswith("so it is not the better one.")


def test_without_expectations_nothing_is_said_of_success() -> None:
    calls = [held(name, script, 500) for name in ("default", "fast") for script in SCRIPTS]
    found = of(calls)
    assert (found.ours, found.theirs, found.p, found.succeeds) == (None, None, None, "unknown")
    assert len(found.sentences) == 1


def test_money_is_not_compared_if_one_of_them_has_no_price() -> None:
    missing = item(unpriced=3)
    calls = [held(name, script, 500) for name in ("default", "fast") for script in SCRIPTS]
    calls.append(call("fast", "a", 1, turns=[turn(1, 500)], items=[missing]))
    found = of(calls)
    assert (found.cost, found.cost_a_call, found.money) == (None, None, "unknown")
    assert "cost" not in found.sentences[0]


def test_who_is_free_has_no_ratio() -> None:
    calls = [held("default", script, 500, 0.0) for script in SCRIPTS]
    calls += [held("fast", script, 500, 0.001) for script in SCRIPTS]
    found = of(calls)
    assert found.cost is None
    assert found.money == "more"
    assert found.sentences[0].endswith("costs 0.001 USD a call, where the other is free.")


def test_fewer_than_six_scripts_are_few() -> None:
    calls = [held("default", script, 500) for script in SCRIPTS[:5]]
    found = of([*calls, *(held("fast", script, 400) for script in SCRIPTS[:5])])
    assert found.latency == "few"
    assert found.sentences[0].startswith(
        "fast answered 100 ms sooner than default at the median of 5 call scripts"
    )


def test_who_answered_nothing_cannot_be_compared_in_latency() -> None:
    silent = [call("fast", script, turns=[turn(1, None)], items=[item()]) for script in SCRIPTS]
    found = of([*(held("default", script, 500) for script in SCRIPTS), *silent])
    assert (found.median, found.latency, found.stages) == (None, "unknown", ())
    assert found.drawbacks == ("left 8 turns unanswered (default: 0; p = 0.008)",)
    assert found.worse


def test_what_is_known_of_money_is_told_where_latency_is_not() -> None:
    silent = [call("fast", script, turns=[turn(1, None)], items=[item(usd=0.0005)]) for script in SCRIPTS]
    found = of([*(held("default", script, 500) for script in SCRIPTS), *silent])
    assert found.sentences[0].endswith("turns that were spoken and answered; it costs 50 % less.")


def test_who_cuts_in_more_often_is_told_so() -> None:
    calls = [held("default", script, 500) for script in SCRIPTS]
    calls += [held("fast", script, 300, cut_ins=1, dead_air=1) for script in SCRIPTS]
    assert of(calls).drawbacks == (
        "cut in on the caller 8 times (default: 0; p = 0.008)",
        "left dead air 8 times (default: 0; p = 0.008)",
    )


def test_what_went_wrong_once_more_is_told_and_counts_for_nothing() -> None:
    calls = [held(name, script, 500) for name in ("default", "fast") for script in SCRIPTS[1:]]
    calls += [held("default", "a", 500), held("fast", "a", 500, interruptions=2, honoured=1)]
    found = of(calls)
    assert found.drawbacks == ("went on through 1 interruption (default: 0; p = 1)",)
    assert not found.worse


def test_who_mishears_significantly_more_is_worse() -> None:
    calls = [held("default", script, 500, words=10, word_errors=1) for script in SCRIPTS]
    calls += [held("fast", script, 500, words=8, word_errors=4) for script in SCRIPTS]
    found = of(calls)
    assert found.drawbacks == ("got 50 % of the words wrong (default: 10 %; p = 0.008)",)
    assert found.worse
    assert (
        of([*calls[8:], *(one.model_copy(update={"variant": "default"}) for one in calls[8:])]).drawbacks
        == ()
    )
