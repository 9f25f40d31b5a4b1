from __future__ import annotations

from fractions import Fraction

import pytest

from tests.support.comparisons import call, comparison, item, made_up, turn, variant
from voicepipe.compare.figures import VariantFigures, figures_of
from voicepipe.compare.named import NAMED, Unknown, shown
from voicepipe.core.units import MS
from voicepipe.observe.timeline import STEPS
from voicepipe.speech.pricing import PICO

NOTHING = figures_of(comparison([], variants=[variant()])).variants[0]


def rich() -> VariantFigures:
    found = made_up({"default": 800}, calls=10, repetitions=10, turns=3, usd_per_turn={"default": 0.001})
    calls = [
        one.model_copy(
            update={
                "silences_ns": (200 * MS,) * 3,
                "turns": tuple(
                    turn(number, 100 * len(STEPS), shares=dict.fromkeys(STEPS, 1)) for number in (1, 2, 3)
                ),
                "saved": (item(usd=0.001),),
            }
        )
        for one in found.measured
    ]
    return figures_of(found.model_copy(update={"measured": tuple(calls)})).variants[0]


RICH = rich()


@pytest.mark.parametrize("name", NAMED)
def test_every_figure_is_known_where_all_was_measured(name: str) -> None:
    assert isinstance(NAMED[name].of(RICH), Fraction)


@pytest.mark.parametrize("name", NAMED)
def test_no_figure_is_known_where_nothing_was_measured_and_each_says_why(name: str) -> None:
    found = NAMED[name].of(NOTHING)
    assert isinstance(found, Unknown)
    assert found.why


def test_figures_are_in_nanoseconds_picodollars_and_shares() -> None:
    assert NAMED["voice_to_voice.p50"].of(RICH) == 100 * len(STEPS) * MS
    assert NAMED["stt.p95"].of(RICH) == 100 * MS
    assert NAMED["silent_after_interruption.p99"].of(RICH) == 200 * MS
    assert NAMED["success"].of(RICH) == 1
    assert NAMED["cost.per_call"].of(RICH) == 3 * PICO // 1000
    assert NAMED["cost.waste_share"].of(RICH) == Fraction(1, 10)
    assert NAMED["turns"].of(RICH) == 300


def test_what_has_no_price_says_so() -> None:
    calls = [call(turns=[turn(1, 400)], items=[item(unpriced=1)])]
    figures = figures_of(comparison(calls)).variants[0]
    for name in ("cost.total", "cost.per_minute", "cost.per_task", "cost.waste_share"):
        found = NAMED[name].of(figures)
        assert isinstance(found, Unknown)
        assert found.why == "there is no price for llm openai/gpt-6-luna (tokens_out)"


def test_p99_of_too_few_turns_says_how_many_there_are() -> None:
    found = NAMED["voice_to_voice.p99"].of(figures_of(made_up({"a": 800})).variants[0])
    assert found == Unknown("it needs 300 measurements, and there are 36")


def test_nothing_spent_has_no_share_of_waste() -> None:
    figures = figures_of(comparison([call(items=[item()])])).variants[0]
    assert NAMED["cost.waste_share"].of(figures) == Unknown("nothing was spent")


def test_quantities_are_shown_with_their_units() -> None:
    assert shown(Fraction(812 * MS), "time") == "812 ms"
    assert shown(Fraction(-5 * PICO), "money") == "-5 USD"
    assert shown(Fraction(9, 10), "share") == "90 %"
    assert shown(Fraction(3), "number") == "3"
