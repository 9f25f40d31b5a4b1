from __future__ import annotations

import re

from tests.support.comparisons import call, comparison, item, made_up, turn, variant
from voicepipe.compare.figures import figures_of
from voicepipe.compare.measured import Comparison
from voicepipe.compare.page.html import Html
from voicepipe.compare.page.tables import (
    Column,
    Columns,
    figures_table,
    outcomes_table,
    stages_bars,
    stages_table,
)


def columns_of(made: Comparison) -> Columns:
    return [Column(index, one) for index, one in enumerate(figures_of(made).variants)]


def rows(table: Html) -> dict[str, list[str]]:
    """Head of a row → its cells, without markup."""
    found = re.findall(r'<tr><th scope="row">(.*?)</th>(.*?)</tr>', table)
    return {
        re.sub("<.*?>", "", head): [re.sub("<.*?>", " ", cell).strip() for cell in cells.split("</td>")[:-1]]
        for head, cells in found
    }


def test_every_column_names_its_clock_and_every_row_has_a_cell_in_each() -> None:
    made = made_up({"default": 600, "cheap <i>": 700}, usd_per_turn={"default": 0.01, "cheap <i>": 0.02})
    table = figures_table(columns_of(made))
    assert table.count("simulated clock") == 2
    assert "cheap &lt;i&gt;" in table
    assert {len(cells) for cells in rows(table).values()} == {2}
    assert re.fullmatch(r"\d+ +\d+–\d+", rows(table)["p50"][0])
    assert rows(table)["p99"][0].endswith("from 300 turns on")
    assert rows(table)["turns measured"] == ["36", "36"]


def test_what_has_no_price_is_told_as_unpriced_and_not_as_nothing() -> None:
    calls = [
        call("a", turns=[turn(1)], items=[item(unpriced=10)]),
        call("b", turns=[turn(1)], items=[item(usd=1)]),
    ]
    found = rows(figures_table(columns_of(comparison(calls))))
    assert found["a minute"][0] == found["waste, of all of it"][0] == "unpriced"
    assert found["a call"][1] == "1.00"
    assert "nothing was expected of the calls" in found["a completed task"][1]


def test_a_stand_in_is_marked_as_simulated_in_its_head() -> None:
    made = comparison([call("a", turns=[turn(1)])], variants=[variant("a", section="apart", stand_in=True)])
    assert "simulated server" in figures_table(columns_of(made))


def test_outcomes_count_what_there_was_and_show_a_dash_where_there_was_nothing() -> None:
    calls = [call("a", turns=[turn(1)], interruptions=2, honoured=1, cut_ins=3, error="gone")]
    found = rows(outcomes_table(columns_of(comparison(calls))))
    assert found["interruptions honoured"] == ["1 of 2"]
    assert found["backchannels ignored"] == ["–"]
    assert found["cut-ins on the caller"] == ["3"]
    assert found["calls that broke off"] == ["1"]


def test_stages_are_those_that_occurred_and_their_means_sum_to_the_whole() -> None:
    columns = columns_of(comparison([call("a", turns=[turn(1, 1000), turn(2, 500)])]))
    found = rows(stages_table(columns))
    assert list(found) == [
        "end of turn",
        "words final",
        "LLM first token",
        "LLM",
        "TTS first audio",
        "playout",
    ]
    assert sum(int(cells[0].split()[0]) for cells in found.values()) in range(749, 752)
    assert "<span>750 ms</span>" in stages_bars(columns)


def test_no_variants_make_empty_tables() -> None:
    assert rows(figures_table([]))["p50"] == []
    assert stages_bars([]).count("way") == 0
