from __future__ import annotations

from typing import Any

from tests.support.comparisons import call, comparison, item, made_up, turn, variant
from voicepipe.compare.figures import VariantFigures, figures_of
from voicepipe.compare.objectives import ObjectiveResult, missed, objectives_of
from voicepipe.config.slo import SloConfig
from voicepipe.core.units import MS

FIGURES = figures_of(made_up({"default": 800}, usd_per_turn={"default": 0.001})).variants[0]


def slo(**given: Any) -> SloConfig:
    return SloConfig.model_validate(given)


def only(config: SloConfig, figures: VariantFigures = FIGURES) -> ObjectiveResult:
    (result,) = objectives_of(config, figures)
    return result


def test_latencies_are_held_against_their_percentiles() -> None:
    results = objectives_of(slo(voice_to_voice={"p50": "< 1s", "p95": "< 500ms"}), FIGURES)
    assert [result.met for result in results] == [True, False]
    assert [result.objective for result in results] == [
        "voice_to_voice.p50 < 1s",
        "voice_to_voice.p95 < 500ms",
    ]
    assert missed(results) == results[1:]
    assert results[1].found.startswith("default: voice_to_voice.p95 is ")
    assert results[0].count == 36


def test_steps_and_silence_after_interruptions_have_objectives_too() -> None:
    calls = [call(turns=[turn(1, 1000)], silences_ns=(300 * MS,))]
    figures = figures_of(comparison(calls)).variants[0]
    assert only(slo(stt={"p90": "<= 100ms"}, min_count=1), figures).met is True
    assert only(slo(silent_after_interruption={"p95": "< 200ms"}, min_count=1), figures).met is False


def test_shares_and_cost_have_no_percentiles() -> None:
    assert only(slo(answered=">= 0.99")).met is True
    result = only(slo(cost_usd_minute="< 0.001"))
    assert result.met is False
    assert result.value == 0.009


def test_what_has_no_price_is_within_no_limit() -> None:
    calls = [call(turns=[turn(1, 400)], items=[item(unpriced=1)])]
    result = only(slo(cost_usd_minute="< 9", min_count=1), figures_of(comparison(calls)).variants[0])
    assert (result.met, result.value) == (False, None)
    assert "something has no price" in result.found


def test_too_few_measurements_decide_nothing() -> None:
    result = only(slo(voice_to_voice={"p50": "< 1ms"}, min_count=37))
    assert result.met is None
    assert result.found == (
        "default: voice_to_voice.p50 < 1ms isn't judged by 36 measurements: slo.min_count is 37"
    )
    assert missed([result]) == ()


def test_a_step_that_no_turn_took_was_not_measured() -> None:
    calls = [call(turns=[turn(1, 400, shares={"endpoint": 1})])]
    result = only(slo(stt={"p50": "< 1s"}, min_count=1), figures_of(comparison(calls)).variants[0])
    assert (result.met, result.count) == (None, 0)


def test_without_objectives_or_for_a_variant_that_was_left_out_there_is_nothing_to_judge() -> None:
    assert objectives_of(None, FIGURES) == ()
    left_out = figures_of(comparison([], variants=[variant(left_out="no GPU")])).variants[0]
    assert objectives_of(slo(answered=">= 0.9"), left_out) == ()
