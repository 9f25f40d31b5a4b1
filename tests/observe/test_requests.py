from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.observe.money import CLOUD, SIM, book
from voicepipe.core.frames import Text
from voicepipe.core.records import AttemptStatus, ProviderAttempt, Usage, UsageUnit
from voicepipe.core.units import MS
from voicepipe.observe.requests import Request, Requests
from voicepipe.observe.usage import Amount


def attempt(
    slot: str = "llm", at: int = 1, turn: int | None = 1, status: AttemptStatus = "ok", **more: Any
) -> ProviderAttempt:
    return ProviderAttempt(
        at_ns=at, turn=turn, slot=slot, provider="sim", began_ns=0, first_event_ns=None, status=status, **more
    )


def usage(unit: UsageUnit, amount: int, slot: str = "llm", at: int = 1, **more: Any) -> Usage:
    fields: dict[str, Any] = {"turn": 1, "provider": "sim", "model": None, **more}
    return Usage(at_ns=at, slot=slot, unit=unit, amount=amount, **fields)


def requests(*events: Any) -> list[Request]:
    reader = Requests()
    found = [reader.read(event) for event in events]
    return [one for one in (*found, reader.take()) if one is not None]


def test_an_attempt_and_its_usage_are_one_request() -> None:
    (one,) = requests(attempt(), usage("tokens_in", 9), usage("tokens_out", 5, estimated=True))
    assert (one.number, one.slot, one.status) == (1, "llm", "ok")
    assert one.amounts == {"tokens_in": Amount(9), "tokens_out": Amount(5, 5)}


def test_what_is_reported_and_what_is_estimated_of_a_unit_is_one_amount() -> None:
    (one,) = requests(attempt(), usage("tokens_out", 5), usage("tokens_out", 2, estimated=True))
    assert one.amounts == {"tokens_out": Amount(7, 2)}


def test_the_next_attempt_is_another_request_even_without_usage() -> None:
    first, second = requests(attempt(at=1), attempt(at=1), usage("tokens_in", 1))
    assert (first.number, first.amounts) == (1, {})
    assert (second.number, second.amounts) == (2, {"tokens_in": Amount(1)})


@pytest.mark.parametrize(
    "other",
    [
        usage("tokens_in", 1, slot="tts"),
        usage("tokens_in", 1, at=2),
        usage("tokens_in", 1, turn=2),
        usage("tokens_in", 1, provider="other"),
        usage("tokens_in", 1, model="another"),
    ],
)
def test_the_usage_of_something_else_does_not_belong_to_it(other: Usage) -> None:
    first, second = requests(attempt(), usage("tokens_in", 9), other)
    assert first.amounts == {"tokens_in": Amount(9)}
    assert (second.amounts, second.status) == ({"tokens_in": Amount(1)}, None)


def test_any_other_event_completes_a_request() -> None:
    reader = Requests()
    reader.read(attempt())
    done = reader.read(Text(turn=1, text="x"))
    assert done is not None
    assert done.number == 1
    assert reader.take() is None


@pytest.mark.parametrize(
    ("of", "for_nothing"),
    [
        (attempt(), False),
        (attempt(status="cancelled"), False),
        (attempt(status="failed"), True),
        (attempt(probe=True), True),
    ],
)
def test_a_request_that_failed_or_only_tried_is_for_nothing(of: ProviderAttempt, for_nothing: bool) -> None:
    assert [one.for_nothing for one in requests(of)] == [for_nothing]


# ── what it costs ────────────────────────────────────────────────────────────────────────────────


def costs(one: Request, prices: Any) -> dict[str, tuple[int, int, int]]:
    """Unit → the amount, its cost, and how much of it has no price."""
    return {
        meter.unit: (amount.total, amount.cost, amount.unpriced)
        for meter, amount in one.tally(prices).amounts.items()
    }


def test_a_request_is_priced_as_a_whole(tmp_path: Path) -> None:
    common: dict[str, Any] = {"provider": "openai", "model": "gpt-6-luna"}
    (one,) = requests(
        usage("tokens_in", 1000, **common),
        usage("tokens_in_cached", 900, **common),
        usage("tokens_out", 40, **common),
    )
    assert costs(one, book(tmp_path, CLOUD)) == {
        "tokens_in": (1000, 100 * 100_000, 0),
        "tokens_in_cached": (900, 900 * 10_000, 0),
        "tokens_out": (40, 40 * 500_000, 0),
    }


def test_without_a_price_all_of_a_unit_is_unpriced(tmp_path: Path) -> None:
    (one,) = requests(usage("audio_out_ms", 70, slot="tts", provider="elevenlabs", model="eleven_flash_v2_5"))
    assert costs(one, book(tmp_path, CLOUD)) == {"audio_out_ms": (70, 0, 70)}


def test_a_local_engine_costs_the_time_that_it_was_waited_for(tmp_path: Path) -> None:
    (one,) = requests(attempt(busy_ns=1500 * MS), usage("tokens_in", 9))
    assert costs(one, book(tmp_path, SIM + "cost: {machine_usd_hour: 0.12}\n")) == {
        "tokens_in": (9, 0, 0),
        "machine_ms": (1500, 50_000_000, 0),
    }
    assert costs(one, book(tmp_path, SIM)) == {"tokens_in": (9, 0, 0), "machine_ms": (1500, 0, 1500)}


def test_any_time_at_all_is_a_millisecond_so_that_it_is_not_free(tmp_path: Path) -> None:
    (one,) = requests(attempt(busy_ns=1))
    assert costs(one, book(tmp_path, SIM)) == {"machine_ms": (1, 0, 1)}


def test_without_a_book_nothing_is_priced_and_nothing_is_missing() -> None:
    (one,) = requests(attempt(busy_ns=1), usage("tokens_in", 9))
    assert costs(one, None) == {"tokens_in": (9, 0, 0)}


EVENTS = st.lists(
    st.one_of(
        st.builds(attempt, st.sampled_from(["stt", "llm"]), st.integers(0, 2)),
        st.builds(
            usage,
            st.sampled_from(["tokens_in", "tokens_out"]),
            st.integers(0, 9),
            st.sampled_from(["stt", "llm"]),
            st.integers(0, 2),
        ),
        st.just(Text(turn=1, text="x")),
    ),
    max_size=20,
)


@given(EVENTS)
def test_nothing_is_lost_and_nothing_counted_twice(events: list[Any]) -> None:
    found = requests(*events)
    assert [one.number for one in found] == list(range(1, len(found) + 1))
    assert sum(one.status is not None for one in found) == sum(isinstance(e, ProviderAttempt) for e in events)
    total = sum(amount.total for one in found for amount in one.amounts.values())
    assert total == sum(event.amount for event in events if isinstance(event, Usage))
