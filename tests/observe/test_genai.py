from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from voicepipe.core.extras import installed
from voicepipe.observe.genai import MODULE, GenaiPrices

NOW = datetime(2026, 11, 23, tzinfo=UTC)
needs_package = pytest.mark.skipif(not installed(MODULE), reason="genai-prices isn't installed")


@pytest.fixture(scope="module")
def package() -> GenaiPrices:
    made = GenaiPrices()
    assert made.load()
    return made


def test_before_it_is_loaded_nothing_is_known() -> None:
    fresh = GenaiPrices()
    assert (fresh.loaded, fresh.rates("openai", "gpt-6-luna", NOW)) == (False, {})


@needs_package
def test_a_language_model_has_its_prices_and_those_of_long_contexts(package: GenaiPrices) -> None:
    rates = package.rates("anthropic", "claude-haiku-5-5", NOW)
    assert (rates["tokens_in"].usd, rates["tokens_in"].per) == (Decimal("0.1"), 1_000_000)
    assert rates["tokens_in"].above == ((100_000, Decimal("0.5")),)
    assert rates["tokens_in_written"].usd == Decimal("0.125")


@needs_package
def test_a_unit_that_the_package_has_no_price_for_has_none_and_not_0(package: GenaiPrices) -> None:
    rates = package.rates("openai", "gpt-6-luna", NOW)
    assert "characters" not in rates
    assert "audio_tokens_in" not in rates
    assert all(rate.usd > 0 for rate in rates.values())


@needs_package
@pytest.mark.parametrize(
    ("provider", "model"),
    [("openai", "no-such-model"), ("deepgram", "nova-3"), ("elevenlabs", "eleven_flash_v2_5")],
)
def test_what_it_does_not_know_has_no_price(package: GenaiPrices, provider: str, model: str) -> None:
    assert package.rates(provider, model, NOW) == {}


@needs_package
def test_a_price_of_0_counts_as_unknown(package: GenaiPrices) -> None:
    assert package.rates("openrouter", "meta-llama/llama-3.3-70b-instruct:free", NOW) == {}


@needs_package
def test_the_source_names_the_version(package: GenaiPrices) -> None:
    assert package.source.startswith("genai-prices 0.")
