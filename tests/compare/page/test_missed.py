from __future__ import annotations

from tests.support.comparisons import call, comparison
from voicepipe.compare.figures import figures_of
from voicepipe.compare.measured import MeasuredCall
from voicepipe.compare.page.html import Html
from voicepipe.compare.page.missed import MOST, missed_table
from voicepipe.compare.page.tables import Column
from voicepipe.compare.page.words import Words


def drawn(*calls: MeasuredCall, redact: bool = False) -> Html | None:
    columns = [Column(index, one) for index, one in enumerate(figures_of(comparison(calls)).variants)]
    return missed_table(columns, calls, Words(redact))


def test_what_was_missed_stands_once_with_how_often() -> None:
    found = drawn(
        call("a", repetition=0, missed=("a <tool>", "a <tool>")),
        call("a", repetition=1, missed=("a <tool>",), failures=("it failed",)),
        call("a", repetition=2, error="gone"),
    )
    assert found is not None
    assert found.count("a &lt;tool&gt;") == 1
    assert "2 of 3" in found
    assert "it failed" in found
    assert "broke off: gone" in found


def test_where_nothing_was_missed_there_is_no_table() -> None:
    assert drawn(call("a")) is None


def test_it_is_bounded_and_can_be_redacted() -> None:
    calls = [call("a", repetition=number, missed=(f"secret {number}",)) for number in range(MOST + 5)]
    found, hidden = drawn(*calls), drawn(*calls, redact=True)
    assert found is not None
    assert hidden is not None
    assert found.count("<tr>") == MOST + 1
    assert "5 further ones not shown." in found
    assert "secret" not in hidden
