from __future__ import annotations

from pathlib import Path

import pytest

from tests.observe.conversations import at, evidence
from tests.observe.money import SIM, book
from tests.support.happenings import Story
from voicepipe.config.conversations import ConversationTest
from voicepipe.observe.expectations import judge
from voicepipe.observe.report import CallReport

PRICED = SIM + "cost: {prices: {sim: {million_characters: 40}}}\n"


def missed(folder: Path, wanted: object, story: Story, text: str | None = PRICED) -> list[tuple[str, str]]:
    test = ConversationTest.model_validate(
        {"name": "x", "steps": [{"wait": "1s"}], "expect": {"cost_usd": wanted}}
    )
    found = evidence(story, steps=[at(0)])
    if text is not None:
        found.report = CallReport(session="s", clock="simulated", prices=book(folder, text))
        story.play(found.report)
    return [(miss.expected, miss.found) for miss in judge(test, found)]


def spoken(characters: int) -> Story:
    return Story().begin(0).audible(1).used(2, "tts", "characters", characters).end(3)


@pytest.mark.parametrize("wanted", ["< 0.0005", "<= 0.0004", "== 0.0004", 0.0004, "> 0.0003"])
def test_a_cost_that_is_within_its_limit_is_met(tmp_path: Path, wanted: object) -> None:
    assert missed(tmp_path, wanted, spoken(10)) == []


def test_a_cost_beyond_its_limit_is_told_to_the_last_digit(tmp_path: Path) -> None:
    assert missed(tmp_path, "< 0.0004", spoken(10)) == [("cost_usd: < 0.0004", "0.0004")]
    assert missed(tmp_path, "< 0.00001", spoken(1)) == [("cost_usd: < 1e-05", "0.00004")]


def test_without_a_price_no_limit_is_met(tmp_path: Path) -> None:
    story = Story().begin(0).audible(1).used(2, "tts", "audio_out_ms", 10).end(3)
    hint = "write it down: cost: {prices: {sim: …}}"
    assert missed(tmp_path, "< 1", story) == [
        ("cost_usd: < 1", f"no price for tts sim (audio_out_ms): {hint}")
    ]


def test_where_nothing_is_priced_nothing_is_cheap(tmp_path: Path) -> None:
    assert missed(tmp_path, "< 1", spoken(1), None) == [("cost_usd: < 1", "nothing has a price here")]
