from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.observe.money import NoPackage, book
from voicepipe.config.load import load_pipeline
from voicepipe.core.units import SECOND
from voicepipe.observe.price_book import PriceBook
from voicepipe.observe.worst_case import MOST_TOKENS, WorstCase, most_tokens
from voicepipe.speech.budget import Asks
from voicepipe.speech.pricing import PICO

CLOUD = """
stages:
  stt: deepgram/nova-3
  llm: {use: openai/gpt-6-luna, max_tokens: 200}
  tts: elevenlabs
"""


def problems(folder: Path, text: str) -> list[str]:
    path = folder / "pipeline.yaml"
    path.write_text(f"voicepipe: 1\n{text}")
    loaded = load_pipeline(path, env={})
    worst = WorstCase(PriceBook(loaded, genai=NoPackage()))
    return [f"{one.line}: {one.message} – {one.hint}" for one in worst.problems(loaded)]


class Config:
    """Of a provider that may give so many tokens."""

    def __init__(self, **keys: Any) -> None:
        for name, value in keys.items():
            setattr(self, name, value)


def test_a_request_costs_at_most_what_all_of_it_costs_at_its_dearest(tmp_path: Path) -> None:
    worst = WorstCase(book(tmp_path, CLOUD))
    config = Config(model="gpt-6-luna", max_tokens=200)
    cost = worst.cost("llm", "openai", config, Asks(read=1000, writes=True), total_ns=SECOND)
    # 1000 tokens that are put into the cache at 0.125, 200 that are written at 0.50 USD a million
    assert cost == 125_000_000 + 100_000_000


def test_a_slice_of_speech_and_a_sentence(tmp_path: Path) -> None:
    worst = WorstCase(book(tmp_path, CLOUD))
    slice_ = worst.cost("stt", "deepgram", Config(model="nova-3"), Asks(hear_ms=15_000), total_ns=SECOND)
    assert slice_ == 48 * PICO // 10_000 // 4
    config = Config(model="eleven_flash_v2_5")
    assert worst.cost("tts", "elevenlabs", config, Asks(speak="x" * 100), total_ns=SECOND) == 4 * PICO // 1000


def test_an_engine_here_costs_the_machine_for_as_long_as_it_may_take(tmp_path: Path) -> None:
    text = "stages: {stt: sim, llm: sim, tts: sim}\n"
    free = WorstCase(book(tmp_path, text))
    paid = WorstCase(book(tmp_path, text + "cost: {machine_usd_hour: 3.6}\n"))
    assert free.cost("llm", "sim", Config(), Asks(writes=True), total_ns=9 * SECOND) is None
    assert paid.cost("llm", "sim", Config(), Asks(writes=True), total_ns=9 * SECOND) == PICO // 100


def test_what_nobody_has_a_price_for_has_no_worst_case(tmp_path: Path) -> None:
    worst = WorstCase(book(tmp_path, CLOUD))
    assert worst.cost("llm", "openai", Config(model="gpt-9"), Asks(writes=True), total_ns=SECOND) is None


def test_a_fused_model_is_billed_for_its_own_work_and_for_its_writer(tmp_path: Path) -> None:
    worst = WorstCase(book(tmp_path, "stages: {vad: energy, realtime: openai/gpt-realtime-2.1}\n"))
    config = Config(model="gpt-realtime-2.1", max_output_tokens=100, writer=Config(model="gpt-transcribe"))
    hears = worst.cost("realtime", "openai", config, Asks(hear_ms=60_000), total_ns=SECOND)
    assert hears == 45 * PICO // 10_000
    asks = Asks(read=1000, talks=True, recalls=True)
    talks = worst.cost("realtime", "openai", config, asks, total_ns=SECOND, recalled=500)
    # text in and out at 4 and 24, audio in and out at 32 and 64 USD a million
    assert talks == (1000 * 4 + 100 * 24 + 500 * 32 + 100 * 64) * PICO // 1_000_000


@pytest.mark.parametrize(
    ("config", "tokens"),
    [
        (Config(max_tokens=180), 180),
        (Config(max_output_tokens=600), 600),
        (Config(max_output_tokens=None), MOST_TOKENS),
        (Config(), MOST_TOKENS),
    ],
)
def test_an_answer_is_bounded_by_the_providers_keys(config: Config, tokens: int) -> None:
    assert most_tokens(config) == tokens


# ── what a budget can't be kept for ──────────────────────────────────────────────────────────────


def test_a_pipeline_whose_prices_are_all_known_has_no_problem(tmp_path: Path) -> None:
    assert problems(tmp_path, CLOUD) == []


@pytest.mark.parametrize(
    ("stages", "problem"),
    [
        (
            "{llm: {use: openai/gpt-9, max_tokens: 5}}",
            "2: a budget can't be kept: stages.llm (openai/gpt-9) has no price, or not for all it is"
            " billed for – write it down: cost: {prices: {openai/gpt-9: …}}",
        ),
        (
            "{llm: openai/gpt-6-luna}",
            "2: a budget can't be kept: an answer of stages.llm (openai/gpt-6-luna) may be of any length"
            " – set llm's max_tokens, for example to 400",
        ),
        (
            "{tts: espeak}",
            "2: a budget can't be kept: stages.tts (espeak) works on this machine, whose price isn't known"
            " – set cost.machine_usd_hour; 0 if its time is to cost nothing",
        ),
        (
            "{tts: {use: elevenlabs, fallback: [espeak]}}",
            "2: a budget can't be kept: stages.tts.fallback.0 (espeak) works on this machine, whose price"
            " isn't known – set cost.machine_usd_hour; 0 if its time is to cost nothing",
        ),
        (
            "{vad: energy, realtime: {use: openai/gpt-realtime-2.1, transcription: {model: mine}}}",
            "2: a budget can't be kept: stages.realtime (openai/gpt-realtime-2.1) with mine has no price,"
            " or not for all it is billed for – write it down: cost: {prices: {openai/mine: …}}",
        ),
    ],
)
def test_what_has_no_price_or_no_end_is_named(tmp_path: Path, stages: str, problem: str) -> None:
    assert problems(tmp_path, f"stages: {stages}\n") == [problem]


def test_half_a_price_is_none(tmp_path: Path) -> None:
    text = "stages: {llm: sim}\ncost: {prices: {sim: {million_tokens_in: 1}}}\n"
    (problem,) = problems(tmp_path, text)
    assert "stages.llm (sim) has no price, or not for all" in problem
