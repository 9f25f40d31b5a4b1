from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.observe.money import CLOUD, SIM, book
from tests.observe.test_cost import call, cost, machine, silent
from tests.support.happenings import Story
from voicepipe.cli.cost import cost_lines, cost_warnings
from voicepipe.cli.main import main

PIPELINE = """
voicepipe: 1
stages:
  vad: energy
  stt: sim
  llm: {use: sim, replies: [{say: It left the warehouse this morning.}]}
  tts: sim
"""
PRICES = "cost: {prices: {sim: {million_tokens_in: 0.1, million_tokens_out: 0.5, million_characters: 40}}}\n"


def spoken(status: str = "completed") -> Story:
    story = call(Story().begin(0), 1, "llm", 1, tokens_in=1000, tokens_out=100)
    call(story, 2, "tts", 1, characters=100)
    return story.end(3, status=status, said="Hello.", heard="")  # type: ignore[arg-type]


def test_a_line_tells_what_was_spent_on_what(tmp_path: Path) -> None:
    prices = book(tmp_path, CLOUD)
    assert cost_lines(cost(spoken(), prices)) == ["cost 0.004150 USD (llm 0.000150, tts 0.004000)"]
    assert cost_warnings(cost(spoken(), prices)) == []


def test_another_tells_what_silence_would_have_cost(tmp_path: Path) -> None:
    prices = book(tmp_path, CLOUD)
    saving = silent(spoken(), "stt", 41_000, "audio_in_ms", 41_000)
    assert cost_lines(cost(saving, prices))[1:] == ["silence not sent: 41 s, 0.003280 USD saved"]
    alone = silent(Story(), "stt", 41_000, "audio_in_ms", 41_000)
    assert cost_lines(cost(alone, prices)) == ["silence not sent: 41 s, 0.003280 USD saved"]


def test_and_what_of_it_was_for_nothing(tmp_path: Path) -> None:
    (line,) = cost_lines(cost(spoken("interrupted"), book(tmp_path, CLOUD)))
    assert line.endswith("), 0.004050 of it for nothing")


def test_what_has_no_price_makes_it_a_lower_bound_and_is_warned_of(tmp_path: Path) -> None:
    story = call(spoken(), 4, "stt", None, model="nova-9", audio_in_ms=10)
    found = cost(story, book(tmp_path, CLOUD.replace("nova-3", "nova-9")))
    assert cost_lines(found) == ["cost at least 0.004150 USD (llm 0.000150, tts 0.004000)"]
    hint = "write it down: cost: {prices: {deepgram/nova-9: …}}"
    assert cost_warnings(found) == [f"no price for stt deepgram/nova-9 (audio_in_ms): {hint}"]


def test_nothing_is_told_of_engines_that_nobody_bills(tmp_path: Path) -> None:
    found = cost(machine(Story().begin(0), 1, "llm", 30, "tokens_out", 10), book(tmp_path, SIM))
    assert (cost_lines(found), cost_warnings(found)) == ([], [])


def run(folder: Path, text: str, *options: str) -> int:
    path = folder / "pipeline.yaml"
    path.write_text(text)
    return main(["run", str(path), "--text", "Where is it?", "--clock", "simulated", *options])


def test_run_ends_with_the_cost_of_the_call(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, PIPELINE + PRICES) == 0
    # 3 words, 6 words, 35 characters
    assert "cost 0.001403 USD (llm 0.000003, tts 0.001400)" in capsys.readouterr().err


def test_run_prints_it_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, PIPELINE + PRICES, "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["cost_usd"] == printed["cost"]["priced_usd"] == sum(printed["cost"]["stages"].values())
    assert printed["cost"]["unpriced"] == []


def test_run_warns_of_a_price_that_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, PIPELINE + PRICES.replace(", million_characters: 40", "")) == 0
    assert "warning: no price for tts sim (characters): write it down" in capsys.readouterr().err


def test_run_and_validate_warn_of_a_price_that_nothing_has(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = PIPELINE + "profiles: {p: {stages: {tts: {seed: 1}}}}\ncost: {prices: {espaek: {request: 1}}}\n"
    said = "the price for 'espaek' is used nowhere: no stage has that provider"
    assert run(tmp_path, text) == 0
    assert f"warning: {tmp_path / 'pipeline.yaml'}:9:17: {said}" in capsys.readouterr().err
    assert main(["validate", str(tmp_path / "pipeline.yaml")]) == 0
    told = capsys.readouterr().err
    assert f":9:17: warning: {said}" in told
    assert "1 warning" in told


def test_a_test_of_a_conversation_holds_its_bill(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    test = "tests: [{name: x, steps: [{user: {say: 'Where is it?'}}], expect: {cost_usd: '< 0.0001'}}]\n"
    path = tmp_path / "pipeline.yaml"
    path.write_text(PIPELINE + PRICES + test)
    assert main(["test", str(path)]) == 1
    told = capsys.readouterr().err
    assert "cost_usd: < 0.0001" in told
    assert "no price for stt sim (audio_in_ms)" in told
