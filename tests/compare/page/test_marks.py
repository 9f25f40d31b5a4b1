from __future__ import annotations

import re
from pathlib import Path

from tests.support.comparisons import turn
from voicepipe.compare.page import marks
from voicepipe.compare.page.marks import (
    COLOURS,
    DASHES,
    FAMILIES,
    FAMILY,
    SHAPES,
    SHORT,
    Piece,
    bar,
    colour,
    definitions,
    legend,
    of_turn,
    shape,
    swatch,
)
from voicepipe.core.units import MS
from voicepipe.observe.timeline import STEPS

STYLE = (Path(marks.__file__).parent / "style.css").read_text()


def test_every_step_has_a_colour_that_the_style_knows_and_a_name() -> None:
    assert set(FAMILY) == set(SHORT) == set(STEPS)
    for family in FAMILIES:
        assert f".of-{family} {{" in STYLE
        assert f"--{family}:" in STYLE
        assert f'id="ahead-{family}"' in definitions()
        assert f'class="of-{family}"' in legend()


def test_variants_differ_in_more_than_their_colour() -> None:
    assert len(set(COLOURS)) == len(set(DASHES)) == len(set(SHAPES)) == 8
    assert len({swatch(index) for index in range(64)}) == 64
    assert len({(colour(index), shape(index)) for index in range(64)}) == 64
    assert colour(9) == colour(1)
    for variable in COLOURS:
        assert f"{variable[4:-1]}:" in STYLE


def test_a_bar_is_to_scale_and_says_in_words_what_it_shows() -> None:
    drawn = bar([Piece("endpoint", 0, 300 * MS), Piece("stt", 300 * MS, 20 * MS)], [], 1000 * MS)
    assert "<title>320 ms: end of turn 300; words final 20</title>" in drawn
    assert 'x="0.0%" width="30.0%"' in drawn
    assert 'x="30.0%" width="2.0%"' in drawn
    assert ">wait</text>" in drawn
    assert ">STT</text>" not in drawn, "there is no room for it"


def test_what_was_done_ahead_is_hatched_and_told_apart() -> None:
    drawn = bar([], [Piece("llm", 0, 100 * MS)], 1000 * MS)
    assert 'fill="url(#ahead-llm)"' in drawn
    assert "Ahead: LLM 100" in drawn


def test_a_bar_of_no_length_is_drawn() -> None:
    assert bar([Piece("stt", 0, 0)], [], 0).startswith("<svg")


def test_a_turn_begins_at_the_end_of_the_callers_speech() -> None:
    made = turn(3, 500)
    pieces, ahead = of_turn(made)
    assert pieces[0].start_ns == 0
    assert sum(piece.duration_ns for piece in pieces) == 500 * MS
    assert ahead == []


def test_bars_use_nothing_that_the_policy_forbids() -> None:
    assert not re.search(r"style|href|on\w+=", bar([Piece("llm", 0, 9)], [], 10) + definitions() + legend())
