from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.observe.money import CLOUD, SIM, book, usages
from voicepipe.core.records import AttemptStatus, NotSent, ProviderAttempt, Usage
from voicepipe.core.units import MS
from voicepipe.observe.requests import for_nothing, tally, unsent
from voicepipe.observe.usage import Amount


def attempt(
    slot: str = "llm", status: AttemptStatus = "ok", busy_ns: int = 0, probe: bool = False, **used: Any
) -> ProviderAttempt:
    """``used``: amounts by unit, with ``_`` behind for estimates; and the provider and its model."""
    provider, model = used.pop("provider", "sim"), used.pop("model", None)
    return ProviderAttempt(
        at_ns=1,
        turn=1,
        slot=slot,
        provider=provider,
        began_ns=0,
        first_event_ns=None,
        status=status,
        probe=probe,
        busy_ns=busy_ns,
        model=model,
        usage=usages(used),
    )


def test_what_a_request_used_is_counted_by_slot_provider_model_and_unit() -> None:
    used = tally(attempt(provider="openai", model="gpt-6-luna", tokens_in=9, tokens_out_=5), None)
    assert used.amounts == {
        ("llm", "openai", "gpt-6-luna", "tokens_in"): Amount(9),
        ("llm", "openai", "gpt-6-luna", "tokens_out"): Amount(5, 5),
    }


def test_what_is_reported_and_what_is_estimated_of_a_unit_is_one_amount() -> None:
    used = tally(attempt(tokens_out=5, tokens_out_=2), None)
    assert list(used.amounts.values()) == [Amount(7, 2)]


@pytest.mark.parametrize(
    ("of", "nothing"),
    [
        (attempt(), False),
        (attempt(status="cancelled"), False),
        (attempt(status="failed"), True),
        (attempt(probe=True), True),
    ],
)
def test_a_request_that_failed_or_only_tried_is_for_nothing(of: ProviderAttempt, nothing: bool) -> None:
    assert for_nothing(of) is nothing


# ── what it costs ────────────────────────────────────────────────────────────────────────────────


def costs(one: ProviderAttempt, prices: Any) -> dict[str, tuple[int, int, int]]:
    """Unit → the amount, its cost, and how much of it has no price."""
    return {
        meter.unit: (amount.total, amount.cost, amount.unpriced)
        for meter, amount in tally(one, prices).amounts.items()
    }


def test_a_request_is_priced_as_a_whole(tmp_path: Path) -> None:
    one = attempt(provider="openai", model="gpt-6-luna", tokens_in=1000, tokens_in_cached=900, tokens_out=40)
    assert costs(one, book(tmp_path, CLOUD)) == {
        "tokens_in": (1000, 100 * 100_000, 0),
        "tokens_in_cached": (900, 900 * 10_000, 0),
        "tokens_out": (40, 40 * 500_000, 0),
    }


def test_without_a_price_all_of_a_unit_is_unpriced(tmp_path: Path) -> None:
    one = attempt("tts", provider="elevenlabs", model="eleven_flash_v2_5", audio_out_ms=70)
    assert costs(one, book(tmp_path, CLOUD)) == {"audio_out_ms": (70, 0, 70)}


def test_a_local_engine_costs_the_time_that_it_was_waited_for(tmp_path: Path) -> None:
    one = attempt(busy_ns=1500 * MS, tokens_in=9)
    assert costs(one, book(tmp_path, SIM + "cost: {machine_usd_hour: 0.12}\n")) == {
        "tokens_in": (9, 0, 0),
        "machine_ms": (1500, 50_000_000, 0),
    }
    assert costs(one, book(tmp_path, SIM)) == {"tokens_in": (9, 0, 0), "machine_ms": (1500, 0, 1500)}


def test_any_time_at_all_is_a_millisecond_so_that_it_is_not_free(tmp_path: Path) -> None:
    assert costs(attempt(busy_ns=1), book(tmp_path, SIM)) == {"machine_ms": (1, 0, 1)}


def test_without_a_book_nothing_is_priced_and_nothing_is_missing() -> None:
    assert costs(attempt(busy_ns=1, tokens_in=9), None) == {"tokens_in": (9, 0, 0)}


@given(st.lists(st.tuples(st.sampled_from(["tokens_in", "tokens_out"]), st.integers(0, 9), st.booleans())))
def test_nothing_is_lost_and_nothing_counted_twice(used: list[tuple[Any, int, bool]]) -> None:
    parts = [Usage(unit=unit, amount=amount, estimated=estimated) for unit, amount, estimated in used]
    found = tally(replace(attempt(), usage=tuple(parts)), None).amounts.values()
    assert sum(amount.total for amount in found) == sum(one.amount for one in parts)
    assert sum(amount.estimated for amount in found) == sum(one.amount for one in parts if one.estimated)


# ── what silence would have cost ─────────────────────────────────────────────────────────────────


def silence(provider: str, model: str | None) -> NotSent:
    return NotSent(
        at_ns=1, slot="stt", provider=provider, model=model, ms=60_000, unit="audio_in_ms", amount=60_000
    )


def test_silence_that_was_not_sent_has_the_price_of_audio(tmp_path: Path) -> None:
    (saved,) = unsent(silence("deepgram", "nova-3"), book(tmp_path, CLOUD)).amounts.values()
    assert (saved.total, saved.cost, saved.unpriced) == (60_000, 4_800_000_000, 0)


def test_silence_that_nobody_bills_saves_nothing(tmp_path: Path) -> None:
    assert unsent(silence("sim", None), book(tmp_path, SIM)).amounts == {}
