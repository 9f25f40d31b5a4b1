"""Price books of pipelines that are written down in a test."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from voicepipe.config.load import load_pipeline
from voicepipe.core.records import Usage
from voicepipe.observe.genai import GenaiPrices
from voicepipe.observe.price_book import PriceBook

DAY = datetime(2026, 11, 23, 12, tzinfo=UTC)

CLOUD = """
stages:
  stt: deepgram/nova-3
  llm: openai/gpt-6-luna
  tts: elevenlabs
"""
FUSED = "stages: {vad: energy, realtime: openai/gpt-realtime-2.1}\n"
SIM = "stages: {vad: energy, stt: sim, llm: sim, tts: sim}\n"


class NoPackage(GenaiPrices):
    """As where it isn't installed."""

    def load(self) -> bool:
        return False


def book(folder: Path, text: str, *, at: datetime = DAY, genai: GenaiPrices | None = None) -> PriceBook:
    path = folder / "pipeline.yaml"
    path.write_text(f"voicepipe: 1\n{text}")
    return PriceBook(load_pipeline(path, env={}), at=at, genai=genai or NoPackage())


def usages(amounts: Mapping[str, int]) -> tuple[Usage, ...]:
    """By unit, with ``_`` behind for estimates."""
    found: list[Usage] = []
    for name, amount in amounts.items():
        unit: Any = name.removesuffix("_")
        found.append(Usage(unit=unit, amount=amount, estimated=name.endswith("_")))
    return tuple(found)
