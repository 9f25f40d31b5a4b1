from __future__ import annotations

import re

from tests.support.comparisons import call, comparison, item, turn
from voicepipe.compare.figures import figures_of
from voicepipe.compare.page.tables import Column
from voicepipe.compare.page.what_if import what_if

CALLS = [
    call("a", name, turns=[turn(1)], items=[item(usd=usd)], duration_ns=60 * 10**9)
    for name, usd in (("one", 0.01), ("two", 0.03))
]


def drawn(*calls: object) -> str:
    made = comparison([*CALLS, *calls])  # type: ignore[list-item]
    return what_if([Column(index, one) for index, one in enumerate(figures_of(made).variants)])


def test_a_month_can_be_read_without_a_script_and_reckoned_anew_with_one() -> None:
    found = re.findall(r'data-usd-minute="([\d.]+)">([\d,.]+)<', drawn())
    assert found == [
        ("0.020000000000", "974.00"),
        ("0.010000000000", "487.00"),
        ("0.030000000000", "1,461.00"),
    ], "400 calls a day of 4 minutes, in 30.4375 days"
    assert 'data-days="30.4375"' in drawn(), "the script multiplies by what we multiply by"


def test_its_fields_wait_for_the_script_and_have_labels() -> None:
    found = drawn()
    assert "<fieldset disabled>" in found
    for name in ("calls-per-day", "minutes-per-call"):
        assert f'for="{name}"' in found
        assert f'id="{name}"' in found


def test_an_unknown_price_makes_no_month() -> None:
    found = drawn(call("b", turns=[turn(1)], items=[item(unpriced=1)]))
    assert "unpriced" in found
    assert found.count("data-usd-minute") == 3
