from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.comparisons import call, comparison, item, made_up, turn, variant
from voicepipe.compare.figures import figures_of
from voicepipe.compare.measured import Comparison
from voicepipe.compare.verdict import Verdict, verdict_of


def of(found: Comparison) -> Verdict:
    return verdict_of(found, figures_of(found))


def two(fast: int = 490, usd: float = 0.001, **others: Any) -> Comparison:
    given: dict[str, Any] = {"calls": 12, "usd_per_turn": {"default": 0.001, "fast": usd}, **others}
    return made_up({"default": 800, "fast": fast}, **given)


def test_what_is_sooner_and_dearer_is_told_and_none_is_called_better() -> None:
    verdict = of(two(usd=0.0023))
    assert verdict.sentences[0].startswith("fast answers ")
    assert " ms sooner than default at the median (95 %: " in verdict.sentences[0]
    assert " and costs 2.3 times as much; " in verdict.sentences[0]
    assert " of the difference is " in verdict.sentences[0]
    assert verdict.sentences[-1] == "Which is better depends on what that time is worth."
    assert verdict.best is None
    assert verdict.front == ("default", "fast")


def test_who_is_sooner_and_cheaper_is_the_better_one() -> None:
    verdict = of(two(usd=0.0003))
    assert verdict.best == "fast"
    assert verdict.sentences[0].startswith("fast is the better one: sooner and cheaper than default")
    assert verdict.front == ("fast",)


def test_who_succeeds_significantly_less_is_never_the_better_one() -> None:
    verdict = of(two(usd=0.0003, success={"fast": 0.3}))
    assert verdict.best is None
    assert verdict.sentences[1].endswith("so it is not the better one.")
    assert verdict.front == ("default",)


def test_who_reaches_fewer_of_its_calls_is_not_called_better_even_if_it_may_be_chance() -> None:
    verdict = of(two(usd=0.0003, success={"fast": 0.85}))
    assert verdict.contrasts[0].succeeds != "less"
    assert verdict.best is None


@settings(max_examples=25, deadline=None)
@given(st.integers(200, 1200), st.sampled_from([0.0002, 0.001, 0.004]), st.sampled_from([0.0, 0.2, 0.5, 1.0]))
def test_the_better_one_is_no_less_successful_and_wins_something(ms: int, usd: float, share: float) -> None:
    found = two(ms, usd, repetitions=1, success={"fast": share})
    verdict = of(found)
    only = verdict.contrasts[0]
    if verdict.best == "fast":
        assert only.succeeds != "less"
        assert "less" in (only.latency, only.money)
        assert "more" not in (only.latency, only.money)
    if verdict.best == "default":
        assert only.succeeds != "more"
    if only.succeeds == "less":
        assert "fast" not in verdict.front


def test_who_cuts_in_more_often_is_not_called_better_however_fast() -> None:
    found = two(usd=0.0003)
    calls = [
        one.model_copy(update={"cut_ins": 1}) if one.variant == "fast" else one for one in found.measured
    ]
    verdict = of(found.model_copy(update={"measured": tuple(calls)}))
    assert verdict.best is None
    assert "fast cut in on the caller 24 times (default: 0; p < 0.001)." in verdict.sentences


def test_what_was_never_expected_is_not_said_to_be_done() -> None:
    found = two(usd=0.0003)
    calls = tuple(one.model_copy(update={"passed": None}) for one in found.measured)
    verdict = of(found.model_copy(update={"measured": calls}))
    assert verdict.best == "fast"
    assert verdict.sentences[0].endswith(
        "Whether it does its task isn't known: nothing was expected of these calls."
    )


def test_two_that_cannot_be_told_apart_are_told_to_be_so() -> None:
    found = made_up(
        {"default": 800, "fast": 801}, calls=8, spread=0.6, usd_per_turn={"fast": 0, "default": 0}
    )
    verdict = of(found)
    assert verdict.best is None
    assert "can't be told apart from default in latency" in verdict.sentences[0]


def test_few_calls_name_nobody_and_say_how_few_they_are() -> None:
    verdict = of(two(usd=0.0003, calls=4))
    assert verdict.best is None
    assert "None is named as the better one: 4 call scripts can't tell a" in verdict.sentences[-1]
    assert verdict.cautions[0].startswith("4 call scripts: too few to say what other calls would show.")


def test_one_variant_is_described_by_itself() -> None:
    verdict = of(made_up({"default": 800}, usd_per_turn={"default": 0.001}))
    assert verdict.sentences[0].startswith("default answers ")
    assert "USD a minute; it reached what was expected in 12 of 12 (100 %)" in verdict.sentences[0]
    assert verdict.sentences[1] == "There is nothing to hold it against."
    assert verdict.contrasts == ()


def test_nothing_measured_is_said_with_the_reasons() -> None:
    found = comparison(
        [], variants=[variant("default", left_out="no GPU")], unfinished="the money was spent."
    )
    verdict = of(found)
    assert verdict.sentences == ("Nothing was measured.",)
    assert verdict.cautions == (
        "Not all calls were held: the money was spent.",
        "default was left out: no GPU.",
    )


def test_stand_ins_and_other_sections_never_enter() -> None:
    found = two()
    variants = (*found.variants, variant("played", section="fused", stand_in=True))
    calls = [
        one.model_copy(update={"variant": "played", "turns": (turn(1, 5),)})
        for one in found.measured
        if one.variant == "fast"
    ]
    with_it = found.model_copy(update={"variants": variants, "measured": (*found.measured, *calls)})
    assert of(with_it) == of(found)


def test_times_of_different_clocks_are_not_compared() -> None:
    calls = [call("a", turns=[turn(1, 400)], clock="real"), call("b", turns=[turn(1, 300)], clock="charged")]
    verdict = of(comparison(calls))
    assert verdict.contrasts == ()
    assert verdict.best is None
    assert "b was measured on the charged clock and a on the real one" in verdict.sentences[0]


def test_what_has_no_price_is_named_and_leaves_nobody_on_the_front() -> None:
    calls = [
        call(name, script, turns=[turn(1, 400)], items=[item(unpriced=3)])
        for name in "ab"
        for script in "xyz"
    ]
    verdict = of(comparison(calls))
    assert (
        "What a and b cost isn't known: there is no price for llm openai/gpt-6-luna (tokens_out)."
        in verdict.cautions
    )
    assert verdict.front == ()


def test_of_many_missing_prices_some_are_named_with_what_mends_it() -> None:
    items = [item("stt", "local", f"model {number}", "machine_ms", unpriced=1) for number in range(6)]
    calls = [
        call("a", items=items, turns=[turn(1, 400)]),
        call("b", items=[item(usd=1)], turns=[turn(1, 400)]),
    ]
    (told,) = (one for one in of(comparison(calls)).cautions if one.startswith("What "))
    assert told.startswith("What a costs isn't known: there is no price for stt local/model 0 (machine_ms), ")
    assert told.endswith(" and 2 more. The time of the machine is priced by cost.machine_usd_hour.")


def test_calls_that_broke_off_and_turns_without_an_answer_are_cautions() -> None:
    calls = [
        call("a", turns=[turn(1, 400), turn(2, None)], items=[item()]),
        call("b", turns=[turn(1, 400)], items=[item()], error="the server hung up."),
    ]
    cautions = of(comparison(calls)).cautions
    assert "a: 1 turn got no answer, and no latency tells of that." in cautions
    assert any(
        "b: 1 of 1 call broke off before the end (booking: the server hung up). Its own figures include them"
        in one
        for one in cautions
    )


def test_the_simulated_clock_is_explained_and_a_busy_machine_told() -> None:
    simulated = of(made_up({"default": 800}))
    assert any("On the simulated clock computing takes no time" in one for one in simulated.cautions)
    busy = [call(turns=[turn(1, 400)], clock="charged", load=1.7), call(name="b", clock="charged")]
    assert any(
        "50 % of the calls began while the machine was busy" in one for one in of(comparison(busy)).cautions
    )


def test_the_better_of_many_wins_against_each_of_them() -> None:
    usd = {"a": 0.001, "b": 0.001, "c": 0.001}
    verdict = of(made_up({"a": 900, "b": 600, "c": 400}, calls=12, usd_per_turn=usd))
    assert verdict.best == "c"
    assert verdict.sentences[0].startswith("c is the better one: sooner than each of the others")
    assert [one.against for one in verdict.contrasts] == ["a", "a"]


def test_the_same_measurements_make_the_same_verdict() -> None:
    assert of(two()) == of(two())
