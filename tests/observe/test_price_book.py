from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from tests.observe.money import CLOUD, DAY, FUSED, SIM, NoPackage, book
from voicepipe.config.registry import Registry
from voicepipe.core.records import UsageUnit
from voicepipe.observe.genai import GenaiPrices
from voicepipe.providers.endpoint import EndpointConfig
from voicepipe.speech.pricing import Rate, Rates

GROQ = "stages: {vad: energy, stt: sim, llm: groq/llama-x, tts: sim}\n"


class Package(GenaiPrices):
    """A package that knows one model, once it is loaded."""

    def __init__(self) -> None:
        super().__init__()
        self.there = False

    @property
    def source(self) -> str:
        return "the package"

    def load(self) -> bool:
        self.there = True
        return True

    def rates(self, provider: str, model: str, at: object) -> Rates:
        known = self.there and (provider, model) == ("groq", "llama-x")
        return {"tokens_in": Rate(Decimal("0.11"), 1_000_000)} if known else {}


def usd(rates: Rates) -> dict[UsageUnit, Decimal]:
    return {unit: rate.usd for unit, rate in rates.items()}


def test_a_vendors_model_has_the_price_of_our_list_and_the_day_it_is_of(tmp_path: Path) -> None:
    found = book(tmp_path, CLOUD).find("stt", "deepgram", "nova-3")
    assert usd(found.rates) == {"audio_in_ms": Decimal("0.0048")}
    assert found.source == "https://deepgram.com/pricing, seen 2026-11-01"
    assert not found.by_time


def test_what_the_file_says_wins_and_is_the_whole_list(tmp_path: Path) -> None:
    prices = "cost: {prices: {openai/gpt-6-luna: {million_tokens_out: 9}, deepgram: {audio_minute: 1}}}\n"
    prices_of = book(tmp_path, CLOUD + prices)
    assert usd(prices_of.find("llm", "openai", "gpt-6-luna").rates) == {"tokens_out": Decimal(9)}
    assert usd(prices_of.find("stt", "deepgram", "nova-3").rates) == {"audio_in_ms": Decimal(1)}
    assert prices_of.find("llm", "openai", "gpt-6-luna").source == "the pipeline file"


def test_a_fused_model_and_the_one_that_transcribes_for_it_have_prices_of_their_own(tmp_path: Path) -> None:
    prices = book(tmp_path, FUSED)
    assert usd(prices.find("realtime", "openai", "gpt-realtime-2.1").rates)["audio_tokens_out"] == 64
    assert usd(prices.find("realtime", "openai", "gpt-transcribe").rates) == {
        "audio_in_ms": Decimal("0.0045")
    }


def test_an_unknown_model_has_no_price_and_a_hint(tmp_path: Path) -> None:
    found = book(tmp_path, CLOUD.replace("gpt-6-luna", "gpt-7")).find("llm", "openai", "gpt-7")
    assert (found.rates, found.source) == ({}, "nowhere")
    assert found.hint == "write it down: cost: {prices: {openai/gpt-7: …}}"


@pytest.mark.parametrize("slot", ["stt", "llm", "tts"])
def test_an_engine_on_this_machine_costs_its_time(tmp_path: Path, slot: str) -> None:
    found = book(tmp_path, SIM).find(slot, "sim", None)
    assert (found.by_time, found.rates, found.hint) == (True, {}, "set cost.machine_usd_hour")


def test_a_local_engine_that_is_given_prices_stands_for_a_vendor(tmp_path: Path) -> None:
    found = book(tmp_path, SIM + "cost: {prices: {sim: {audio_minute: 1}}}\n").find("stt", "sim", None)
    assert not found.by_time
    assert usd(found.rates) == {"audio_in_ms": Decimal(1)}


@pytest.mark.parametrize(
    ("url", "by_time"), [("http://127.0.0.1:8080/v1", True), ("https://llm.example/v1", False)]
)
def test_a_vendors_prices_are_not_those_of_another_server(tmp_path: Path, url: str, by_time: bool) -> None:
    llm = f"{{use: openai/gpt-6-luna, base_url: '{url}', api_key: k}}"
    text = f"stages: {{vad: energy, stt: sim, llm: {llm}, tts: sim}}\n"
    found = book(tmp_path, text).find("llm", "openai", "gpt-6-luna")
    assert (found.rates, found.by_time) == ({}, by_time)


def test_two_servers_under_one_name_have_no_price_since_nobody_knows_which_it_was(tmp_path: Path) -> None:
    text = (
        "stages: {vad: energy, stt: sim, tts: sim, llm: {use: openai/gpt-6-luna, "
        "fallback: [{use: openai/gpt-6-luna, base_url: 'http://localhost:8080/v1'}]}}\n"
    )
    found = book(tmp_path, text).find("llm", "openai", "gpt-6-luna")
    assert (found.rates, found.by_time) == ({}, False)


def test_a_price_that_depends_on_keys_is_that_of_the_keys_in_the_file(tmp_path: Path) -> None:
    text = CLOUD.replace("deepgram/nova-3", "{use: deepgram/nova-3, language: multi}")
    found = book(tmp_path, text).find("stt", "deepgram", "nova-3")
    assert usd(found.rates) == {"audio_in_ms": Decimal("0.0058")}


def test_two_of_one_name_whose_keys_cost_differently_have_no_price(tmp_path: Path) -> None:
    text = CLOUD.replace(
        "deepgram/nova-3",
        "{use: deepgram/nova-3, fallback: [{use: deepgram/nova-3, language: multi}]}",
    )
    assert book(tmp_path, text).find("stt", "deepgram", "nova-3").rates == {}


def test_the_package_is_wanted_only_for_models_that_nobody_else_knows(tmp_path: Path) -> None:
    assert not book(tmp_path, CLOUD).wants_package
    assert not book(tmp_path, SIM).wants_package
    assert book(tmp_path, GROQ).wants_package
    assert not book(tmp_path, GROQ + "cost: {prices: {groq: {million_tokens_in: 1}}}\n").wants_package


def test_what_the_package_knows_has_a_price_once_it_is_loaded(tmp_path: Path) -> None:
    package = Package()
    prices = book(tmp_path, GROQ, genai=package)
    assert prices.find("llm", "groq", "llama-x").rates == {}
    prices.load()
    found = prices.find("llm", "groq", "llama-x")
    assert (usd(found.rates), found.source) == ({"tokens_in": Decimal("0.11")}, "the package")


def test_without_the_package_nothing_changes(tmp_path: Path) -> None:
    prices = book(tmp_path, GROQ, genai=NoPackage())
    prices.load()
    assert prices.find("llm", "groq", "llama-x").source == "nowhere"


def test_old_prices_are_warned_of_if_they_were_used(tmp_path: Path) -> None:
    late = book(tmp_path, CLOUD, at=DAY + timedelta(days=80))
    assert late.warnings() == []
    late.find("stt", "deepgram", "nova-3")
    late.find("llm", "openai", "gpt-6-luna")
    (warning,) = late.warnings()
    assert warning.startswith("the price of deepgram/nova-3 was looked up 102 days ago (2026-11-01)")


def test_of_each_provider_it_is_known_whether_a_vendor_sends_a_bill() -> None:
    installed = Registry.installed()
    for kind in ("vad", "stt", "llm", "tts", "realtime"):
        for name in installed.provider_names(kind):
            provider = installed.provider(kind, name)
            assert provider.local is not issubclass(provider.Config, EndpointConfig), f"{kind}.{name}"
