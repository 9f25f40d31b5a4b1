from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import pytest

from tests.config.fakes import load, one, problems
from voicepipe.config.cost import BILLED_AS, CostConfig, Prices
from voicepipe.core.records import UsageUnit
from voicepipe.speech.pricing import Rate

FILE = "voicepipe: 1\nstages: {{stt: whisper}}\ncost: {}\n"


def of(folder: Path, cost: str, **options: Any) -> CostConfig:
    return load(folder, FILE.format(cost), **options).cost


def told(folder: Path, cost: str) -> str:
    return one(problems(folder, FILE.format(cost))).message


def test_the_example_of_the_design_is_taken_with_all_its_digits(tmp_path: Path) -> None:
    cost = of(tmp_path, "{prices: {my-stt: {audio_minute: 0.0043}}, machine_usd_hour: 0.12}")
    assert cost.machine_usd_hour == Decimal("0.12")
    assert cost.rates("my-stt", "any") == {"audio_in_ms": Rate(Decimal("0.0043"), 60_000)}


def test_without_it_nothing_is_known(tmp_path: Path) -> None:
    cost = load(tmp_path, "voicepipe: 1\nstages: {stt: whisper}\n").cost
    assert (cost.prices, cost.machine_usd_hour, cost.rates("openai", "x")) == ({}, None, None)


def test_the_price_of_a_model_wins_over_that_of_its_provider(tmp_path: Path) -> None:
    cost = of(tmp_path, "{prices: {a: {request: 1}, a/m/n: {request: 2}}}")
    assert cost.rates("a", "m/n") == {"requests": Rate(Decimal(2), 1)}
    assert cost.rates("a", "m") == cost.rates("a", None) == {"requests": Rate(Decimal(1), 1)}


def test_every_unit_can_be_given_a_price() -> None:
    assert {unit for unit, _, _ in BILLED_AS.values()} == set(get_args(UsageUnit))
    assert list(BILLED_AS) == list(Prices.model_fields)


def test_a_begun_minute_of_a_call_is_a_minute() -> None:
    assert Prices(call_minute=Decimal("0.0085")).rates() == {
        "call_ms": Rate(Decimal("0.0085"), 60_000, 60_000)
    }


def test_a_price_may_come_from_the_environment(tmp_path: Path) -> None:
    cost = of(tmp_path, '{machine_usd_hour: "${env:HOUR}"}', env={"HOUR": "0.3"})
    assert cost.machine_usd_hour == Decimal("0.3")


@pytest.mark.parametrize(
    ("cost", "message"),
    [
        (
            "{machine_usd_hour: much}",
            "expected an amount in USD from 0 to 1000000, such as 0.0043, found 'much'",
        ),
        ("{machine_usd_hour: -1}", "expected an amount in USD from 0 to 1000000, such as 0.0043, found '-1'"),
        (
            "{machine_usd_hour: .nan}",
            "expected an amount in USD from 0 to 1000000, such as 0.0043, found 'nan'",
        ),
        (
            "{machine_usd_hour: true}",
            "expected an amount in USD from 0 to 1000000, such as 0.0043, found 'true'",
        ),
        (
            "{machine_usd_hour: 1e9}",
            "expected an amount in USD from 0 to 1000000, such as 0.0043, found '1000000000.0'",
        ),
        ("{prices: {x: {}}}", "no price is given here"),
        (
            "{prices: {x: {audio_minute: 1, audio_hour: 2}}}",
            "expected 'audio_minute' or 'audio_hour', found both",
        ),
        ("{prices: {x: {audio_minut: 1}}}", "unknown key 'audio_minut'. Did you mean 'audio_minute'?"),
        ("{prices: {'a b': {request: 1}}}", "'a b' can't be a name here"),
        ("{prices: 3}", "expected a map, found '3'"),
        ("{machine_hour: 1}", "unknown key 'machine_hour'. Did you mean 'machine_usd_hour'?"),
        (
            "{budget: {day_usd: 50}}",
            "budget.day_usd needs a place where calls are counted: set 'ledger' or 'budget.store'",
        ),
        (
            "{ledger: costs.db, budget: {day_usd: 50, store: ./costs.db}}",
            "expected two databases, found one for both 'ledger' and 'budget.store'",
        ),
    ],
)
def test_what_makes_no_sense_is_an_error(tmp_path: Path, cost: str, message: str) -> None:
    assert told(tmp_path, cost) == message


def test_the_ledger_lies_beside_the_file_that_names_it(tmp_path: Path) -> None:
    assert of(tmp_path, "{ledger: costs.db}").ledger == tmp_path / "costs.db"


def test_a_profile_has_no_prices_of_its_own(tmp_path: Path) -> None:
    text = "voicepipe: 1\nstages: {stt: whisper}\nprofiles: {p: {cost: {machine_usd_hour: 1}}}\n"
    assert one(problems(tmp_path, text)).message.startswith("a profile can't hold 'cost'")
