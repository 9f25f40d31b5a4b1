from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import ValidationError

from tests.config.fakes import PIPELINES, SHIPPED
from voicepipe.config.load import load_pipeline
from voicepipe.config.price_list import PriceEntry, price_list, read_price_list
from voicepipe.core.records import UsageUnit
from voicepipe.errors import ConfigErrors
from voicepipe.observe.genai import GenaiPrices
from voicepipe.observe.price_book import PriceBook

ENTRY = """
- provider: acme
  models: [one, two]
  source: https://acme.example/pricing
  seen: 2026-11-01
  prices: {audio_minute: 0.0043}
"""


def read(folder: Path, text: str) -> tuple[PriceEntry, ...]:
    path = folder / "prices.yaml"
    path.write_text(text)
    return read_price_list(path)


def first(provider: str, model: str, **keys: object) -> PriceEntry | None:
    return next((entry for entry in price_list() if entry.fits(provider, model, keys)), None)


@pytest.mark.parametrize("entry", price_list(), ids=lambda entry: f"{entry.provider}-{entry.models[0]}")
def test_every_price_has_its_page_and_its_day(entry: PriceEntry) -> None:
    assert entry.source.startswith("https://")
    assert date(2026, 11, 1) <= entry.seen <= datetime.now(UTC).date()


@pytest.mark.parametrize(
    ("provider", "model", "unit", "usd"),
    [
        ("openai", "gpt-realtime-2.1", "audio_tokens_in", "32"),
        ("openai", "gpt-realtime-2.1", "audio_tokens_in_cached", "0.40"),
        ("openai", "gpt-realtime-2.1", "tokens_out", "24"),
        ("openai", "gpt-realtime-2.1-mini", "audio_tokens_out", "20"),
        ("openai", "gpt-6-luna", "tokens_in", "0.10"),
        ("openai", "gpt-6.1-terra", "tokens_in_cached", "0.05"),
        ("openai", "gpt-6.1-terra", "tokens_in_written", "1.25"),
        ("openai", "gpt-6.1-terra", "tokens_out", "5"),
        ("openai", "gpt-transcribe", "audio_in_ms", "0.0045"),
        ("openai", "gpt-live-transcribe", "audio_in_ms", "0.017"),
        ("elevenlabs", "eleven_flash_v2_5", "characters", "40"),
        ("twilio", "us-outbound", "call_ms", "0.014"),
    ],
)
def test_the_list_says_what_the_pages_said(provider: str, model: str, unit: UsageUnit, usd: str) -> None:
    entry = first(provider, model)
    assert entry is not None
    assert entry.rates[unit].usd == Decimal(usd)


@pytest.mark.parametrize(
    ("keys", "usd"),
    [
        ({"opt_out": False}, "0.0048"),
        ({"language": "de", "opt_out": False, "keyterms": ()}, "0.0048"),
        ({"language": "multi", "opt_out": False}, "0.0058"),
        ({"opt_out": True}, None),
        ({"opt_out": False, "keyterms": ("Siobhán",)}, None),
    ],
)
def test_a_price_may_depend_on_the_providers_keys(keys: dict[str, object], usd: str | None) -> None:
    entry = first("deepgram", "nova-3", **keys)
    assert (entry and entry.rates["audio_in_ms"].usd) == (Decimal(usd) if usd else None)


def test_a_long_context_has_its_own_prices() -> None:
    entry = first("openai", "gpt-6-luna")
    assert entry is not None
    assert entry.rates["tokens_in"].above == ((272_000, Decimal("0.20")),)
    assert entry.rates["tokens_out"].above == ((272_000, Decimal("0.75")),)


def test_a_price_is_warned_of_when_it_is_older_than_90_days(tmp_path: Path) -> None:
    (entry,) = read(tmp_path, ENTRY)
    assert entry.stale(date(2026, 11, 1) + timedelta(days=90)) is None
    assert entry.stale(date(2026, 11, 1) + timedelta(days=91)) == (
        "the price of acme/one was looked up 91 days ago (2026-11-01): compare https://acme.example/pricing"
    )


@pytest.mark.parametrize(
    "text",
    [
        ENTRY.replace("https://acme.example/pricing", "a friend"),
        ENTRY.replace("  seen: 2026-11-01\n", ""),
        ENTRY.replace("[one, two]", "[]"),
        ENTRY.replace("0.0043", "cheap"),
        ENTRY + "  above: 10\n",
    ],
)
def test_a_price_without_a_page_or_a_day_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValidationError):
        read(tmp_path, text)


def test_what_is_not_yaml_is_told_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(ConfigErrors, match=r"prices\.yaml:1"):
        read(tmp_path, "[")


def test_the_list_and_the_package_agree_wherever_both_know_a_price() -> None:
    package = GenaiPrices()
    if not package.load():
        pytest.skip("genai-prices isn't installed")
    compared = 0
    for entry in price_list():
        for model in entry.models:
            known = package.rates(entry.provider, model, datetime.now(UTC))
            for unit in entry.rates.keys() & known.keys():
                ours, theirs = entry.rates[unit], known[unit]
                assert (ours.usd * theirs.per, ours.above) == (theirs.usd * ours.per, theirs.above), (
                    model,
                    unit,
                )
                compared += 1
    assert compared >= 10


@pytest.mark.parametrize("path", PIPELINES, ids=lambda path: path.stem)
def test_every_model_of_a_shipped_pipeline_that_is_billed_has_a_price_in_the_list(path: Path) -> None:
    """The fallback of openai.yaml had none once."""
    pipeline = load_pipeline(path, env={}, registry=SHIPPED, code="ignore")
    book = PriceBook(pipeline)
    for slot in pipeline.slots:
        for filling in slot.fillings:
            assert filling.provider is not None
            found = book.find(slot.key, filling.provider.name, getattr(filling.config, "model", None))
            assert found.by_time or found.rates, filling.label
