from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicepipe.core.records import UsageUnit
from voicepipe.speech.pricing import PICO, Rate, machine_cost, price, share, usd

MILLION = 1_000_000
TEXT = {
    "tokens_in": Rate(Decimal("4"), MILLION),
    "tokens_in_cached": Rate(Decimal("0.40"), MILLION),
    "tokens_in_written": Rate(Decimal("5"), MILLION),
    "tokens_out": Rate(Decimal("24"), MILLION),
}


def rate(text: str, per: int = MILLION, step: int = 1) -> Rate:
    return Rate(Decimal(text), per, step)


@pytest.mark.parametrize(
    ("unit", "amount", "of", "picodollars"),
    [
        # computed by hand: amount × USD / per, in 10⁻¹² USD
        ("audio_in_ms", 12_345, rate("0.0043", 60_000), 884_725_000),
        ("audio_in_ms", 1, rate("0.0043", 60_000), 71_667),  # 71,666.67
        ("audio_in_ms", 1_800_000, rate("0.45", 3_600_000), 225_000_000_000),
        ("audio_out_ms", 30_000, rate("0.08", 60_000), 40_000_000_000),
        ("characters", 205, rate("40"), 8_200_000_000),
        ("tokens_in", 1, rate("0.01"), 10_000),
        ("tokens_in_cached", 7, rate("0.0025"), 17_500),
        ("tokens_in_written", 3, rate("0.125"), 375_000),
        ("tokens_out", 40, rate("0.5"), 20_000_000),
        ("audio_tokens_in", 100, rate("32"), 3_200_000_000),
        ("audio_tokens_in_cached", 100, rate("0.40"), 40_000_000),
        ("audio_tokens_out", 100, rate("64"), 6_400_000_000),
        ("requests", 3, rate("0.002", 1), 6_000_000_000),
        ("call_ms", 61_000, rate("0.0085", 60_000, 60_000), 17_000_000_000),
    ],
)
def test_every_unit_costs_what_a_hand_computes(
    unit: UsageUnit, amount: int, of: Rate, picodollars: int
) -> None:
    bill = price({unit: amount}, {unit: of})
    assert (bill.costs, bill.unpriced) == ({unit: picodollars}, [])


@pytest.mark.parametrize(
    ("seconds", "minutes"), [(0, 0), (1, 1), (59, 1), (60, 1), (60.001, 2), (61, 2), (120, 2), (121, 3)]
)
def test_a_carrier_bills_begun_minutes(seconds: float, minutes: int) -> None:
    bill = price({"call_ms": round(seconds * 1000)}, {"call_ms": rate("0.014", 60_000, 60_000)})
    assert sum(bill.costs.values()) == minutes * 14_000_000_000


def test_what_is_cached_and_what_is_written_to_the_cache_are_parts_of_the_input() -> None:
    bill = price(
        {"tokens_in": 1000, "tokens_in_cached": 900, "tokens_in_written": 80, "tokens_out": 9},
        TEXT,
    )
    assert bill.costs == {
        "tokens_in": 20 * 4_000_000,
        "tokens_in_cached": 900 * 400_000,
        "tokens_in_written": 80 * 5_000_000,
        "tokens_out": 9 * 24_000_000,
    }


def test_text_and_audio_have_caches_of_their_own() -> None:
    rates = {**TEXT, "audio_tokens_in": rate("32"), "audio_tokens_in_cached": rate("0.30")}
    bill = price(
        {"tokens_in": 10, "audio_tokens_in": 500, "audio_tokens_in_cached": 400, "tokens_in_cached": 4}, rates
    )
    assert bill.costs == {
        "tokens_in": 6 * 4_000_000,
        "tokens_in_cached": 4 * 400_000,
        "audio_tokens_in": 100 * 32_000_000,
        "audio_tokens_in_cached": 400 * 300_000,
    }


def test_who_gives_no_discount_bills_cached_tokens_as_any_others() -> None:
    bill = price({"tokens_in": 100, "tokens_in_cached": 60}, {"tokens_in": rate("2")})
    assert sum(bill.costs.values()) == 100 * 2_000_000
    assert bill.unpriced == []


def test_more_cached_than_sent_costs_no_negative_input() -> None:
    bill = price({"tokens_in": 5, "tokens_in_cached": 9}, TEXT)
    assert bill.costs == {"tokens_in_cached": 9 * 400_000}


def test_a_unit_without_a_price_is_unpriced_and_not_free() -> None:
    bill = price({"tokens_in": 5, "audio_tokens_out": 7}, TEXT)
    assert (bill.costs, bill.unpriced) == ({"tokens_in": 20_000_000}, ["audio_tokens_out"])


def test_input_without_a_price_is_unpriced_even_if_its_cached_part_has_one() -> None:
    bill = price({"tokens_in": 10, "tokens_in_cached": 4}, {"tokens_in_cached": rate("1")})
    assert (bill.costs, bill.unpriced) == ({"tokens_in_cached": 4_000_000}, ["tokens_in"])


def test_a_price_of_nothing_is_a_price() -> None:
    bill = price({"characters": 10}, {"characters": rate("0")})
    assert (bill.costs, bill.unpriced) == ({"characters": 0}, [])


def test_nothing_of_a_unit_needs_no_price() -> None:
    bill = price({"characters": 0}, {})
    assert (bill.costs, bill.unpriced) == ({}, [])


@pytest.mark.parametrize(
    ("text", "audio", "dearer"), [(272_000, 0, False), (272_001, 0, True), (272_000, 1, True)]
)
def test_a_long_context_makes_all_of_the_request_dearer(text: int, audio: int, dearer: bool) -> None:
    rates = {
        "tokens_in": Rate(Decimal("0.1"), MILLION, above=((272_000, Decimal("0.2")),)),
        "tokens_out": Rate(Decimal("0.5"), MILLION, above=((272_000, Decimal("0.75")),)),
        "audio_tokens_in": rate("0"),
    }
    amounts: dict[UsageUnit, int] = {"tokens_in": text, "tokens_out": 100, "audio_tokens_in": audio}
    assert price(amounts, rates).costs["tokens_in"] == text * (200_000 if dearer else 100_000)  # type: ignore[arg-type]
    assert price(amounts, rates).costs["tokens_out"] == 100 * (750_000 if dearer else 500_000)  # type: ignore[arg-type]


def test_of_several_limits_the_highest_that_is_passed_counts() -> None:
    tiered = Rate(Decimal("1"), MILLION, above=((100, Decimal("2")), (200, Decimal("3"))))
    assert [tiered.cost(10, tokens) for tokens in (100, 150, 201)] == [10_000_000, 20_000_000, 30_000_000]


def test_a_machine_costs_the_time_it_works() -> None:
    assert machine_cost(1_500_000_000, Decimal("0.12")) == 50_000_000  # 1.5 s of 0.12 USD an hour
    assert machine_cost(0, Decimal("0.12")) == 0


@pytest.mark.parametrize(
    ("picodollars", "text"),
    [(0, "0"), (PICO, "1"), (10 * PICO, "10"), (1, "0.000000000001"), (8_200_000_000, "0.0082")],
)
def test_picodollars_are_dollars_exactly(picodollars: int, text: str) -> None:
    assert f"{usd(picodollars):f}" == text


PRICES = st.decimals(min_value=0, max_value=1000, places=6)


@given(PRICES, st.integers(0, 10**9), st.sampled_from([1, 60_000, 3_600_000, MILLION]))
def test_a_cost_is_within_half_a_picodollar_of_the_fraction(usd_per: Decimal, amount: int, per: int) -> None:
    exact = Fraction(usd_per) * amount * PICO / per
    assert abs(Rate(usd_per, per).cost(amount) - exact) <= Fraction(1, 2)


@given(PRICES, st.integers(0, 10**6), st.integers(1, 10**5), st.integers(0, 10**5))
def test_a_begun_step_is_billed_whole(usd_per: Decimal, amount: int, step: int, more: int) -> None:
    stepped = Rate(usd_per, step, step)
    billed = -(-amount // step)
    assert stepped.cost(amount) == Rate(usd_per, 1).cost(billed)
    assert stepped.cost(amount) <= stepped.cost(amount + more)


@given(st.integers(0, 10**15), st.integers(0, 10**6), st.integers(0, 10**6))
def test_a_share_is_never_more_than_the_whole(cost: int, part: int, rest: int) -> None:
    assert 0 <= share(cost, part, part + rest) <= cost
    assert share(cost, part + rest, part + rest) == (cost if part + rest else 0)
