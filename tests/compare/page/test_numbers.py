from __future__ import annotations

import pytest

from voicepipe.compare.intervals import Estimate, Share
from voicepipe.compare.page.numbers import (
    estimated,
    moment,
    money,
    ms,
    percent,
    plural,
    shared,
    shortened,
    times,
    took,
    unbroken,
)
from voicepipe.core.units import MS, SECOND
from voicepipe.speech.pricing import PICO


@pytest.mark.parametrize(
    ("found", "shown"),
    [
        (ms(0), "0"),
        (ms(8_230_000), "8.2"),
        (ms(-8_230_000), "-8.2"),
        (ms(1_234 * MS), "1,234"),
        (took(812 * MS), "812 ms"),
        (took(75 * SECOND), "75 s"),
        (moment(62.44), "1:02.4"),
        (moment(59.97), "1:00.0"),
        (moment(-1), "0:00.0"),
        (money(0), "0.00"),
        (money(1234 * PICO), "1,234.00"),
        (money(PICO // 1000), "0.00100"),
        (money(123_456_789), "0.00012"),
        (percent(0), "0 %"),
        (percent(0.0626), "6.3 %"),
        (percent(0.5), "50 %"),
        (percent(1), "100 %"),
        (times(0, 0), "–"),
        (times(1, 2), "1 of 2"),
        (plural(1, "call"), "1 call"),
        (plural(1200, "reply", "replies"), "1,200 replies"),
        (shortened("abcdef", 4), "abc…"),
        (shortened("abcd", 4), "abcd"),
    ],
)
def test_figures_are_written_as_people_read_them(found: str, shown: str) -> None:
    assert found == shown


def test_an_interval_stands_with_its_value_and_what_isnt_known_isnt_zero() -> None:
    assert estimated(None, ms) == "–"
    assert estimated(Estimate(500 * MS, None, None), ms) == "500"
    assert estimated(Estimate(500 * MS, 400 * MS, 700 * MS), ms) == "500<small>400–700</small>"
    assert shared(None) == "–"
    assert shared(Share(3, 4, None, None)) == "75 %<small>3/4</small>"
    assert shared(Share(3, 4, 0.3, 0.9544)) == "75 %<small>3/4, 30–95 %</small>"


def test_a_figure_and_its_unit_stay_on_one_line() -> None:
    assert unbroken("310 ms sooner, 92 % of 3 streets") == "310\u00a0ms sooner, 92\u00a0% of 3 streets"
