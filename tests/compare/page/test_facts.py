from __future__ import annotations

from tests.support.comparisons import call, comparison, variant
from voicepipe.compare.page.facts import CLOCKS, about, definitions_of_figures


def test_the_environment_and_the_way_of_measuring_are_told() -> None:
    made = comparison([call("a", load=0.1), call("b", load=0.9)], tools="live", seed=77)
    found = about(made)
    where = made.environment
    for told in (where.machine, where.began, "Python 3.11.9", "voicepipe 0.5.0", "abc1234+", "live", "77"):
        assert told in found
    assert "0.10 to 0.90 a core" in found
    assert CLOCKS["simulated"] in found
    assert "deepgram/nova-3" in found


def test_it_can_be_told_of_a_comparison_in_which_nothing_was_held() -> None:
    made = comparison([], variants=[variant("<a>", "real", left_out="no key")])
    found = about(
        made.model_copy(update={"environment": made.environment.model_copy(update={"commit": None})})
    )
    assert "nothing was held" in found
    assert "not in a repository" in found
    assert "&lt;a&gt;" in found


def test_figures_are_defined() -> None:
    found = definitions_of_figures()
    for name in ("voice to voice", "task success", "waste", "intervals"):
        assert f"<dt><span>{name}</span></dt>" in found


def test_of_calls_that_were_kept_from_another_day_it_is_told_from_when_to_when() -> None:
    held = [call("a", began=f"2026-11-{day}T10:00:00+00:00") for day in (23, 25)]
    assert "<dd>2026-11-23T10:00:00+00:00 to 2026-11-25T10:00:00+00:00</dd>" in about(comparison(held))
