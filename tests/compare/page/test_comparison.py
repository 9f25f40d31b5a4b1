from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.compare.page.samples import sample
from tests.support.comparisons import call, comparison, made_up, turn, variant
from voicepipe.compare.figures import figures_of
from voicepipe.compare.measured import Comparison
from voicepipe.compare.page.comparison import page
from voicepipe.compare.verdict import verdict_of
from voicepipe.core.units import MS

LARGEST = 3_000_000
"""Bytes of a report without audio."""


def drawn(made: Comparison, folder: Path = Path(), **options: Any) -> str:
    figures = figures_of(made)
    return page(made, figures, verdict_of(made, figures), folder=folder, **options)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("sample")
    return drawn(sample(folder), folder)


def test_the_verdict_in_words_comes_first_and_then_what_to_keep_in_mind(whole: str) -> None:
    places = [
        whole.index(f'id="{name}"') for name in ("verdict", "figures", "latency", "cost", "calls", "about")
    ]
    assert places == sorted(places)
    cautions = whole.index("cloud was left out: there is no OPENAI_API_KEY")
    assert places[0] < cautions < places[1]


def test_stand_ins_stand_apart_and_are_in_none_of_the_other_tables(whole: str) -> None:
    main, _, apart = whole.partition('<section id="apart-0" class="stand-in">')
    assert "<bdi>fused</bdi>" not in main
    assert "Simulated: fused talks to a server that only plays a vendor" in apart
    assert "<bdi>fused</bdi>" in apart


def test_every_id_is_given_once_and_every_link_leads_somewhere(whole: str) -> None:
    ids = re.findall(r' id="([^"]+)"', whole)
    assert len(ids) == len(set(ids))
    for name in re.findall(r' (?:href="#|for="|data-recording="|fill="url\(#)([^")]+)', whole):
        assert name in ids


def test_what_the_caller_said_is_in_it_as_text_and_no_byte_of_it_is_lost_to_the_encoding(whole: str) -> None:
    assert "<img" not in whole
    assert "&lt;/script&gt;&lt;script&gt;" in whole
    whole.encode("utf-8")


def test_redacted_nothing_that_was_said_is_in_it(tmp_path: Path) -> None:
    found = drawn(sample(tmp_path), tmp_path, redact=True)
    for said in ("data:audio", "thursday", "10:30", "half past", "uh huh", "alert(1)", "hello"):
        assert said not in found
    assert "What was said is left out" in found


def test_redacted_it_doesnt_say_either_with_which_words_a_call_broke_off() -> None:
    made = comparison([call("a", turns=[turn(1)], error="OpenAIError: 'my card is 4111'.")])
    assert "4111" in drawn(made)
    assert "4111" not in drawn(made, redact=True)


def test_every_plot_and_every_call_names_its_clock(whole: str) -> None:
    plots = re.findall(r"<figure>.*?</figure>", whole, re.DOTALL)
    assert len(plots) == 5
    assert all("real clock" in plot for plot in plots)
    assert whole.count("on 2 variants; real clock") == 2


def test_without_audio_there_is_none_and_recordings_that_are_gone_are_told(tmp_path: Path) -> None:
    made = sample(tmp_path)
    assert "<audio" not in drawn(made, tmp_path, audio=False)
    (tmp_path / "long.wav").unlink()
    found = drawn(made, tmp_path)
    assert "<audio" in found
    assert re.search(r"\d recordings left out", found)


def test_a_large_comparison_stays_small() -> None:
    made = made_up(
        {f"variant {number}": 500 + 50 * number for number in range(8)}, calls=20, repetitions=5, turns=4
    )
    found = drawn(made, audio=False)
    assert len(found.encode()) < LARGEST
    assert "further repetitions not shown" in found


def test_calls_that_dont_fit_are_named(tmp_path: Path) -> None:
    long = [turn(number, 400, user="x" * 500, agent="y" * 500) for number in range(1, 31)]
    made = comparison([call(f"v{v}", f"call {c}", turns=long) for v in range(4) for c in range(20)])
    found = drawn(made)
    assert len(found.encode()) < LARGEST
    named = re.search(r"not shown, to keep this page small: <span><bdi>(.*?)</bdi>", found)
    assert named is not None
    assert "call 19" in named[1]


def test_a_slow_turn_is_explained_and_an_objective_makes_more_of_them_slow() -> None:
    made = comparison([call("a", turns=[turn(number, 300 + number) for number in range(1, 11)])])
    usual, strict = drawn(made), drawn(made, limits_ns={"a": 301 * MS})
    assert (usual.count('class="why"'), strict.count('class="why"')) == (2, 9)


@pytest.mark.parametrize("variants", [[variant("a", "real", left_out="no key")], []])
def test_a_comparison_of_nothing_is_a_page_too(variants: list[Any]) -> None:
    found = drawn(comparison([], variants=variants))
    assert "No turn was answered" in found
    assert "Cost and latency are both known of 0 variants" in found


def test_where_two_variants_differ_most_is_told_with_the_way_there(whole: str) -> None:
    assert re.search(
        r"<bdi>cheap</bdi> is furthest behind <bdi>default</bdi> at <a href=\"#call-0\">turn 1", whole
    )
