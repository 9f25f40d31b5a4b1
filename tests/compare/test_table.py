from __future__ import annotations

from tests.support.comparisons import call, comparison, item, made_up, turn, variant
from voicepipe.compare.figures import figures_of
from voicepipe.compare.measured import Comparison
from voicepipe.compare.table import table


def of(found: Comparison, width: int = 78) -> str:
    return table(figures_of(found), width=width)


TWO = made_up({"default": 800, "fast": 490}, usd_per_turn={"default": 0.001, "fast": 0.002})


def row(text: str, label: str) -> str:
    return next(line for line in text.splitlines() if line.startswith(label))


def test_a_row_marks_its_best_value_with_a_sign_and_not_by_colour() -> None:
    text = of(TWO)
    assert row(text, "voice to voice p50").endswith("*")
    assert row(text, "cost a minute").count("*") == 1
    assert row(text, "cost a minute").index("*") < len(row(text, "cost a minute")) - 10
    assert "*" not in row(text, "task success")
    assert "\x1b" not in text


def test_columns_are_aligned_and_within_the_width() -> None:
    lines = of(TWO).split("\n\n")[0].splitlines()
    assert max(map(len, lines)) <= 78
    assert len({len(line) for line in lines if line.endswith("*")}) == 1


def test_on_a_narrow_terminal_variants_stand_below_each_other() -> None:
    text = of(made_up({f"variant {number}": 500 + number for number in range(4)}), width=50)
    assert max(len(line) for line in text.splitlines()[:-1]) <= 50
    assert text.count("voice to voice p50") == 4


def test_the_clock_and_what_brackets_mean_are_named() -> None:
    text = of(TWO)
    assert row(text, "clock").split() == ["clock", "simulated", "simulated"]
    assert text.splitlines()[-1] == (
        "* best of its row. In brackets 95 %, by call script. Times: simulated clock."
    )


def test_what_has_no_price_or_no_figure_is_never_0() -> None:
    calls = [
        call("a", turns=[turn(1, 400)], items=[item(unpriced=1)], passed=True),
        call("b", turns=[turn(1, None)], items=[item(usd=0.001)]),
    ]
    text = of(comparison(calls))
    assert row(text, "cost a minute").split()[3] == "unpriced"
    assert row(text, "voice to voice p50").split()[-1] == "-"
    assert "*" not in row(text, "cost a minute")


def test_a_variant_on_which_no_call_was_held_is_not_called_the_cheapest() -> None:
    calls = [
        call("a", turns=[turn(1, 400)], items=[item(usd=0.001, wasted_usd=0.0005)], passed=True),
        call("b", error="nothing answers", passed=False),
    ]
    text = of(comparison(calls))
    assert row(text, "  a call").endswith("0 USD")
    assert "*" not in row(text, "  a call")
    assert row(text, "  for nothing").endswith("-"), "what isn't known is never the best"


def test_sections_stand_apart_and_what_was_left_out_has_its_reason() -> None:
    variants = [
        variant("default"),
        variant("played", section="Cascade against fused", stand_in=True),
        variant("gpu", left_out="no GPU here"),
    ]
    calls = [call(one.name, turns=[turn(1, 400)]) for one in variants[:2]]
    text = of(comparison(calls, variants=variants))
    assert "Cascade against fused (a stand-in plays the vendor: no part of the verdict)" in text
    assert text.index("default") < text.index("Cascade against fused") < text.index("played")
    assert "gpu: left out: no GPU here" in text


def test_times_of_different_clocks_are_not_ranked() -> None:
    calls = [call("a", turns=[turn(1, 400)], clock="real"), call("b", turns=[turn(1, 300)], clock="charged")]
    assert "*" not in row(of(comparison(calls)), "voice to voice p50")


def test_names_cannot_steer_the_terminal_and_long_ones_are_cut() -> None:
    name = "\x1b[31m" + "x" * 90
    text = of(comparison([call(name, turns=[turn(1, 400)])]))
    assert "\x1b" not in text
    assert "?[31mxxx" in text
    assert max(len(line) for line in text.splitlines()) <= 80


def test_without_unicode_all_signs_are_ascii() -> None:
    long = made_up({"x" * 40: 800, "b": 900})
    assert table(figures_of(long), unicode=False).isascii()
    assert not table(figures_of(long)).isascii()


def test_nothing_but_left_out_variants_make_a_list_of_reasons() -> None:
    text = of(comparison([], variants=[variant("gpu", left_out="no GPU"), variant("key", left_out="no key")]))
    assert text == "gpu: left out: no GPU\n\nkey: left out: no key"
