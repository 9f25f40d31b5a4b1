from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicepipe.observe.number_runs import NumberFinder, figures, is_spoken, split

ENGLISH = NumberFinder("en-US")


def found(text: str, language: str = "en-US") -> list[str]:
    return [figures(run) for run in NumberFinder(language).runs(text)]


@pytest.mark.parametrize(
    ("text", "runs"),
    [
        ("4111 1111", ["41111111"]),
        ("four one one one", ["4111"]),
        ("Four, one - one... ONE", ["4111"]),
        ("double four triple one", ["44111"]),
        ("forty one eleven", ["4111"]),
        ("forty-one twenty ten", ["412010"]),
        ("oh seven o eight", ["0708"]),
        ("four one, uh, one and one", ["4111"]),
        ("four um er uh one", ["4", "1"]),
        ("room 12 on floor three", ["12", "3"]),
        ("a1b2", ["1", "2"]),
        ("12:30", ["12", "30"]),
        ("٤١ 11", ["4111"]),
        ("nobody", []),
        ("double or nothing", []),
        ("", []),
    ],
)
def test_figures_that_belong_together_are_found(text: str, runs: list[str]) -> None:
    assert found(text) == runs


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("de-DE", "vier eins eins zwo"),
        ("es", "cuatro uno uno dos"),
        ("fr-FR", "quatre un un deux"),
        ("it", "quattro uno uno due"),
        ("nl", "vier een een twee"),
        ("pt-BR", "quatro um um dois"),
        ("xx", "four one one two"),
        ("de", "four one one two"),
    ],
)
def test_numbers_are_understood_in_the_language_of_the_call_and_in_english(language: str, text: str) -> None:
    assert found(text, language) == ["4112"]


def test_where_o_is_a_word_it_is_no_zero() -> None:
    assert found("uno o due", "it") == ["1", "2"]


def test_a_run_tells_where_it_stands_and_whether_it_was_spoken() -> None:
    text = "it is four 11, ok"
    (run,) = ENGLISH.runs(text)
    assert text[run[0].start : run[-1].end] == "four 11"
    assert is_spoken(run)
    assert not is_spoken(next(ENGLISH.runs("411")))


def test_a_run_is_split_at_what_does_not_belong_into_such_a_number_but_words_hold_together() -> None:
    def pieces(text: str) -> list[str]:
        return [
            figures(piece) for run in ENGLISH.runs(text) for piece in split(text, run, re.compile(r"\s*"))
        ]

    assert pieces("41 11, 22") == ["4111", "22"]
    assert pieces("41 one, 22") == ["41122"]


@given(st.text(st.sampled_from("0123 -.,ab\noneuhdouble٣"), max_size=60))
def test_every_figure_of_a_text_is_in_exactly_one_run(text: str) -> None:
    runs = list(ENGLISH.runs(text))
    written = "".join(group.figures for run in runs for group in run if not group.spoken)
    assert written == "".join(str(int(one)) for one in text if one.isdecimal())
    places = [(group.start, group.end) for run in runs for group in run]
    assert all(end <= start for (_, end), (start, _) in pairwise(places))
