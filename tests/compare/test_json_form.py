from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.support.comparisons import call, comparison, item, made_up, turn, variant
from voicepipe.compare.conditions import fail_on, judge_condition
from voicepipe.compare.figures import figures_of
from voicepipe.compare.json_form import to_json
from voicepipe.compare.measured import Comparison
from voicepipe.compare.objectives import objectives_of
from voicepipe.compare.verdict import verdict_of
from voicepipe.config.slo import SloConfig

DOCUMENT = Path(__file__).parents[2] / "docs" / "comparison-figures.md"


def form(found: Comparison) -> dict[str, Any]:
    figures = figures_of(found)
    whole = to_json(
        found,
        figures,
        verdict_of(found, figures),
        conditions=[
            judge_condition(
                fail_on(f"{found.variants[0].name}.success > 0", [found.variants[0].name]), figures
            )
        ],
        objectives=objectives_of(SloConfig.model_validate({"answered": ">= 0.9"}), figures.variants[0]),
    )
    read: dict[str, Any] = json.loads(json.dumps(whole, allow_nan=False))
    return read


TWO = form(made_up({"default": 800, "fast": 490}, calls=8, usd_per_turn={"default": 0.001, "fast": 0.002}))
BARE = form(
    comparison(
        [call(turns=[turn(1, None)], items=[item(unpriced=2)])],
        variants=[variant(), variant("gpu", left_out="no GPU")],
    )
)


def test_the_form_holds_the_verdict_first_and_each_variants_figures() -> None:
    assert list(TWO)[:4] == ["format", "title", "verdict", "variants"]
    assert [one["name"] for one in TWO["variants"]] == ["default", "fast"]
    assert TWO["verdict"]["sentences"]
    assert TWO["conditions"] == [
        {"text": "default.success > 0", "holds": True, "found": "default.success is 100 %"}
    ]
    assert TWO["objectives"][0]["met"] is True


def test_times_are_in_milliseconds_and_money_in_dollars() -> None:
    default = TWO["variants"][0]
    p50 = default["voice_to_voice"]["p50"]
    assert 700 < p50["low_ms"] <= p50["ms"] <= p50["high_ms"] < 900
    assert default["cost"]["per_call"] == {"usd": 0.003, "low_usd": 0.003, "high_usd": 0.003}
    assert default["cost"]["by_slot_usd"] == {"llm": 0.048}
    contrast = TWO["verdict"]["contrasts"][0]
    assert contrast["cost_ratio"] == {"value": 2.0, "low": 2.0, "high": 2.0}
    assert sum(step["share"] for step in contrast["steps"].values()) == 1.0


def test_what_is_not_known_is_null() -> None:
    only, left_out = BARE["variants"]
    assert only["voice_to_voice"]["p50"] is None
    assert only["cost"]["total_usd"] is None
    assert only["success"] is None
    assert only["cost"]["unpriced"] == ["llm openai/gpt-6-luna (tokens_out)"]
    assert left_out["left_out"] == "no GPU"


def test_the_load_of_the_machine_is_told_beside_its_name() -> None:
    loads = [call(name=f"call {number}", load=load) for number, load in enumerate((0.5, 0.1, 1.2))]
    assert form(comparison(loads))["environment"]["load"] == {"least": 0.1, "most": 1.2}
    assert form(comparison([], variants=[variant()]))["environment"]["load"] is None


def names(value: Any) -> set[str]:
    if isinstance(value, dict):
        return {*value, *(name for one in value.values() for name in names(one))}
    if isinstance(value, list):
        return {name for one in value for name in names(one)}
    return set()


def test_every_field_is_documented() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    slots = {"vad", "stt", "llm", "tts", "numpy", "voicepipe"}
    missing = {name for name in names(TWO) | names(BARE) if f"`{name}`" not in text}
    assert missing - slots == set()
