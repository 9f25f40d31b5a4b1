from __future__ import annotations

import re
import sys
from collections.abc import Mapping

import pytest

from tests.support.comparisons import call, comparison, item, made_up, turn
from voicepipe.compare.figures import figures_of
from voicepipe.compare.measured import Comparison
from voicepipe.compare.page.plots import LABEL, distributions, scatter
from voicepipe.compare.page.tables import Column
from voicepipe.compare.verdict import verdict_of
from voicepipe.errors import SetupError

MEDIANS: Mapping[str, int] = {"default": 600, "cheap <script>": 700, "fast\ud800": 5000}
PRICES = {"default": 0.01, "cheap <script>": 0.002, "fast\ud800": 0.03}


def columns_of(made: Comparison) -> list[Column]:
    return [Column(index, one) for index, one in enumerate(figures_of(made).variants)]


COLUMNS = columns_of(made_up(MEDIANS, usd_per_turn=PRICES))


def plots(markup: str) -> list[str]:
    return re.findall(r"<svg[^>]*class=\"marks\".*?</svg>", markup, re.DOTALL)


def test_distributions_are_drawn_twice_each_for_wide_and_for_narrow_screens() -> None:
    found = distributions(COLUMNS)
    assert found is not None
    assert len(plots(found)) == 4
    widths = [int(width) for width in re.findall(r'<svg[^>]* width="(\d+)"', found) if int(width) > 100]
    assert all(width > 700 for width in widths[::2])
    assert all(width < 360 for width in widths[1::2])


def test_the_scatter_names_each_variant_and_says_in_words_what_it_shows() -> None:
    found = scatter(COLUMNS, ["default", "cheap <script>"])
    assert found is not None
    wide, _ = plots(found)
    for name in ("default", "cheap &lt;script&gt;", "fast\ufffd"):
        assert f">{name}</text>" in wide
    assert re.search(
        r'aria-label="Cost against latency\. default, simulated clock: \d+ ms, 0\.\d+ USD a call; ',
        wide,
    )
    assert "On the front: default, cheap &lt;script&gt;." in wide


def test_the_names_of_many_variants_stand_in_a_legend_and_not_upon_each_other() -> None:
    names = [f"variant {number}" for number in range(6)]
    made = made_up(dict.fromkeys(names, 600), usd_per_turn=dict.fromkeys(names, 0.01))
    found = scatter(columns_of(made), names)
    assert found is not None
    for name in names:
        assert found.count(f">{name}</text>") == 2, "once in each of the two sizes"
    assert found.count("role-legend-entry") == 2


def test_plots_follow_the_theme_and_need_nothing_that_the_policy_forbids() -> None:
    for markup in (distributions(COLUMNS), scatter(COLUMNS, [])):
        assert markup is not None
        assert "var(--s1)" in markup
        assert not re.search(r"style=|<style|<script|<image|<a |on\w+=\"", markup)
        colours = set(re.findall(r'(?:fill|stroke)="([^"]+)"', markup))
        assert {one for one in colours if not one.startswith("var(")} <= {"none", "transparent"}


def test_there_is_nothing_to_draw_without_turns_or_money() -> None:
    silent = columns_of(comparison([call("a", turns=[turn(1, None)]), call("b", turns=[turn(1, None)])]))
    assert distributions(silent) is None
    assert scatter(silent, []) is None
    free = columns_of(comparison([call(name, turns=[turn(1)]) for name in "ab"]))
    assert scatter(free, []) is None
    unpriced = [
        call("a", turns=[turn(1)], items=[item(unpriced=1)]),
        call("b", turns=[turn(1)], items=[item(usd=1)]),
    ]
    assert scatter(columns_of(comparison(unpriced)), []) is None


def test_long_names_that_begin_alike_stay_apart() -> None:
    names = [f"{'x' * LABEL}{end}" for end in "ab"]
    found = distributions(columns_of(comparison([call(name, turns=[turn(1)]) for name in names])))
    assert found is not None
    assert f"{'x' * (LABEL - 4)}… 1</text>" in found
    assert f"{'x' * (LABEL - 4)}… 2</text>" in found


def test_one_turn_is_enough_for_a_plot() -> None:
    assert distributions(columns_of(comparison([call("a", turns=[turn(1)])]))) is not None


def test_without_the_package_that_draws_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    with pytest.raises(SetupError, match="vl_convert") as error:
        distributions(COLUMNS)
    assert "[report]" in str(error.value.hint)


def test_cost_is_that_of_a_call_as_on_the_front() -> None:
    """Whose calls are longer may be the cheaper one by the minute, and the dearer one by the call."""
    calls = [
        call("brief", turns=[turn(1, 500)], items=[item(usd=0.01)]),
        call("long", turns=[turn(number, 600) for number in range(1, 9)], items=[item(usd=0.02)]),
    ]
    made = comparison(calls)
    figures = figures_of(made)
    front = verdict_of(made, figures).front
    assert front == ("brief",)
    found = scatter(columns_of(made), front)
    assert found is not None
    assert "The line joins" not in found, "one point has none"
    assert "brief alone is on the Pareto front" in found
    assert "brief, simulated clock: 500 ms, 0.0100 USD a call; long, simulated clock: 600 ms, 0.0200" in found
