"""Whole calls against bills that were computed by hand."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.observe.money import CLOUD, FUSED, SIM, book, usages
from tests.support.happenings import Story
from voicepipe.core.frames import Heard, Segment
from voicepipe.core.records import AttemptStatus, NotSent, ProviderAttempt, UsageUnit
from voicepipe.core.units import MS
from voicepipe.observe.cost import Cost
from voicepipe.observe.price_book import PriceBook
from voicepipe.observe.report import CallReport

MODELS = {
    "stt": ("deepgram", "nova-3"),
    "llm": ("openai", "gpt-6-luna"),
    "tts": ("elevenlabs", "eleven_flash_v2_5"),
    "realtime": ("openai", "gpt-realtime-2.1"),
}
LUNA_IN, LUNA_CACHED, LUNA_WRITTEN, LUNA_OUT = (
    Decimal(usd) / 1_000_000 for usd in ("0.10", "0.01", "0.125", "0.50")
)
FLASH = Decimal(40) / 1_000_000
NOVA = Decimal("0.0048") / 60_000


def call(
    story: Story,
    at_ms: int,
    slot: str,
    turn: int | None,
    status: AttemptStatus = "ok",
    model: str | None = None,
    **amounts: int,
) -> Story:
    """One request of a vendor's, as it is recorded; ``amounts`` by unit, with ``_`` behind for estimates."""
    provider, own = MODELS[slot]
    at = at_ms * MS
    return story.add(
        at_ms,
        ProviderAttempt(
            at_ns=at,
            turn=turn,
            slot=slot,
            provider=provider,
            began_ns=0,
            first_event_ns=None,
            status=status,
            busy_ns=at,
            model=model or own,
            usage=usages(amounts),
        ),
    )


def report(story: Story, prices: PriceBook) -> CallReport:
    made = CallReport(session="s", clock="real", prices=prices)
    story.play(made)
    return made


def cost(story: Story, prices: PriceBook) -> Cost:
    found = report(story, prices).cost
    assert found is not None
    return found


def heard(story: Story, at_ms: int, text: str, samples: int, turn: int = 1) -> Story:
    segment = Segment(turn=turn, index=0, text=text, rate=24_000, samples=24_000)
    return story.add(at_ms, Heard(turn=turn, segment=segment, samples=samples, final=False, at_ns=at_ms * MS))


def test_a_call_with_everything_costs_what_a_hand_computes(tmp_path: Path) -> None:
    """A draft that is discarded, a model that fails and is asked again, and a reply that is cut off."""
    story = Story()
    call(story, 900, "stt", None, audio_in_ms=2345)
    story.draft(1000, turn=1)
    story.end(1200, turn=1, status="discarded")
    call(story, 1201, "llm", 1, "cancelled", tokens_in_=500, tokens_out_=12)  # told after the draft's end
    story.begin(1500, turn=2)
    call(story, 1800, "llm", 2, "failed", tokens_in_=600)
    call(story, 2600, "llm", 2, tokens_in=1000, tokens_in_cached=640, tokens_in_written=200, tokens_out=20)
    call(story, 3000, "tts", 2, "cancelled", characters=20)
    heard(story, 3500, "One two.", 24_000, turn=2)
    story.end(3600, turn=2, status="interrupted", said="One two. Three four.", heard="One two.")

    found = cost(story, book(tmp_path, CLOUD))
    recognised = 2345 * NOVA
    draft = 500 * LUNA_IN + 12 * LUNA_OUT
    again = 600 * LUNA_IN
    answer = 160 * LUNA_IN + 640 * LUNA_CACHED + 200 * LUNA_WRITTEN + 20 * LUNA_OUT
    spoken = 20 * FLASH
    assert found.total == recognised + draft + again + answer + spoken == Decimal("0.001161")
    unheard = 12 * LUNA_OUT + 12 * FLASH  # of 20 characters 8 were heard, and so of 20 tokens 8
    assert found.for_nothing == draft + again + unheard == Decimal("0.000602")
    assert found.by(lambda meter: meter.slot) == {
        "stt": recognised,
        "llm": draft + again + answer,
        "tts": spoken,
    }
    assert found.unpriced == {}


def test_a_fused_call_costs_what_a_hand_computes(tmp_path: Path) -> None:
    story = Story().begin(0)
    call(
        story,
        1000,
        "realtime",
        1,
        tokens_in=300,
        tokens_in_cached=256,
        tokens_out=40,
        audio_tokens_in=120,
        audio_tokens_in_cached=64,
        audio_tokens_out=90,
    )
    call(story, 1100, "realtime", None, model="gpt-transcribe", audio_in_ms=4000)
    story.end(2000, said="Half past ten.", heard="Half past ten.")
    found = cost(story, book(tmp_path, FUSED))
    # per million: text 44 × 4 + 256 × 0.40 + 40 × 24, audio 56 × 32 + 64 × 0.40 + 90 × 64
    fused = Decimal("0.0012384") + Decimal("0.0075776")
    assert found.total == fused + Decimal("0.0003") == Decimal("0.009116")
    assert found.by(lambda meter: str(meter.model)) == {
        "gpt-realtime-2.1": fused,
        "gpt-transcribe": Decimal("0.0003"),
    }


def test_what_a_fused_model_said_into_the_void_is_waste(tmp_path: Path) -> None:
    story = call(Story().begin(0), 1, "realtime", 1, audio_tokens_in=50, tokens_out=10, audio_tokens_out=100)
    story.end(2, status="interrupted", said="One two. Three four.", heard="One two.")
    found = cost(story, book(tmp_path, FUSED))
    assert found.total == (50 * 32 + 10 * 24 + 100 * 64) / Decimal(1_000_000)
    assert found.for_nothing == (6 * 24 + 60 * 64) / Decimal(1_000_000)  # 12 of 20 characters


def test_a_carriers_begun_minutes_are_counted_for_each_call_by_itself(tmp_path: Path) -> None:
    prices = book(tmp_path, SIM + "cost: {prices: {line: {call_minute: 0.0085}}}\n")
    story = Story()
    for at_ms, ms in ((1, 61_000), (2, 60_000)):
        story.used(at_ms, "line", "call_ms", ms, turn=None, provider="line")
    assert cost(story, prices).total == 3 * Decimal("0.0085")


def test_what_has_no_price_makes_the_total_unknown_and_is_named(tmp_path: Path) -> None:
    story = call(Story().begin(0), 1, "llm", 1, model="gpt-7", tokens_in=10, tokens_out=5)
    call(story, 2, "tts", 1, characters=10)
    made = report(story.end(3), book(tmp_path, CLOUD.replace("gpt-6-luna", "gpt-7")))
    assert made.cost is not None
    assert (made.cost.total, made.cost.priced) == (None, 10 * FLASH)
    hint = "write it down: cost: {prices: {openai/gpt-7: …}}"
    assert made.cost.missing() == [
        f"llm openai/gpt-7 (tokens_in): {hint}",
        f"llm openai/gpt-7 (tokens_out): {hint}",
    ]
    printed = made.to_dict()
    assert printed["cost_usd"] is None
    assert printed["cost"]["priced_usd"] == 0.0004
    assert [(one["unit"], one["amount"]) for one in printed["cost"]["unpriced"]] == [
        ("tokens_in", 10),
        ("tokens_out", 5),
    ]
    assert printed["cost"]["stages"] == {"tts": 0.0004}


def test_a_call_in_which_nothing_was_used_costs_nothing(tmp_path: Path) -> None:
    made = report(Story(), book(tmp_path, CLOUD))
    assert made.to_dict()["cost_usd"] == 0.0


def test_the_report_can_be_written_as_json_with_the_source_of_each_price(tmp_path: Path) -> None:
    story = call(Story().begin(0), 1, "tts", 1, characters=10).end(3, status="failed", said="Hi", heard="")
    printed = json.loads(json.dumps(report(story, book(tmp_path, CLOUD)).to_dict()))
    assert printed["cost"]["items"] == [
        {
            "slot": "tts",
            "provider": "elevenlabs",
            "model": "eleven_flash_v2_5",
            "unit": "characters",
            "amount": 10,
            "usd": 0.0004,
            "wasted_usd": 0.0004,
            "source": "https://elevenlabs.io/pricing/api, seen 2026-11-01",
        }
    ]
    assert printed["cost"]["warnings"] == []
    assert printed["cost"]["providers"] == {"elevenlabs/eleven_flash_v2_5": 0.0004}


def machine(story: Story, at_ms: int, slot: str, busy_ms: int, unit: UsageUnit, amount: int) -> Story:
    at = at_ms * MS
    return story.add(
        at_ms,
        ProviderAttempt(
            at_ns=at,
            turn=1,
            slot=slot,
            provider="sim",
            began_ns=0,
            first_event_ns=None,
            status="ok",
            busy_ns=busy_ms * MS,
        ),
    ).used(at_ms, slot, unit, amount)


def test_the_machines_time_for_what_nobody_heard_is_waste(tmp_path: Path) -> None:
    story = machine(Story().begin(0), 1, "llm", 3000, "tokens_out", 10)
    machine(story, 2, "tts", 6000, "characters", 20)
    heard(story, 3, "One two.", 24_000)
    story.end(4, status="interrupted", said="One two. Three four.", heard="One two.")
    found = cost(story, book(tmp_path, SIM + "cost: {machine_usd_hour: 3.6}\n"))
    assert found.total == Decimal("0.009")  # 9 s at a thousandth of a dollar
    assert found.for_nothing == Decimal("0.0054")  # 12 of 20 characters
    assert found.by(lambda meter: meter.slot) == {"llm": Decimal("0.003"), "tts": Decimal("0.006")}


def test_machines_without_a_price_leave_the_total_unknown(tmp_path: Path) -> None:
    found = cost(machine(Story().begin(0), 1, "llm", 30, "tokens_out", 10), book(tmp_path, SIM))
    assert (found.total, found.priced) == (None, 0)
    assert found.missing() == ["llm sim (machine_ms): set cost.machine_usd_hour"]
    assert found.by(lambda meter: meter.slot) == {}


@pytest.mark.parametrize("status", ["completed", "interrupted", "failed", "discarded"])
def test_every_way_to_end_is_priced(tmp_path: Path, status: Any) -> None:
    story = call(Story().draft(0), 1, "llm", 1, "cancelled", tokens_in_=500, tokens_out_=12)
    if status != "discarded":
        story.begin(2)
    story.end(3, status=status, said="Hi", heard="")
    assert cost(story, book(tmp_path, CLOUD)).total == 500 * LUNA_IN + 12 * LUNA_OUT


def silent(story: Story, slot: str, ms: int, unit: UsageUnit, amount: int) -> Story:
    """The caller's silence that wasn't sent."""
    provider, model = MODELS[slot]
    return story.add(
        1, NotSent(at_ns=0, slot=slot, provider=provider, model=model, ms=ms, unit=unit, amount=amount)
    )


def test_silence_that_was_not_sent_is_priced_like_what_was_and_is_no_part_of_it(tmp_path: Path) -> None:
    story = call(Story(), 1, "stt", None, audio_in_ms=2000)
    for ms in (40_000, 1001):
        silent(story, "stt", ms, "audio_in_ms", ms)
    made = report(story, book(tmp_path, CLOUD))
    found = cost(story, book(tmp_path, CLOUD))
    assert (found.priced, found.not_spent) == (2000 * NOVA, 41_001 * NOVA)
    assert (made.not_sent_ms, made.to_dict()["not_sent_ms"]) == (41_001, 41_001)
    assert [amount.total for amount in made.saved.amounts.values()] == [41_001]
    assert made.to_dict()["saved"] == [
        {
            "slot": "stt",
            "provider": "deepgram",
            "model": "nova-3",
            "unit": "audio_in_ms",
            "amount": 41_001,
            "estimated": 0,
        }
    ]
    assert made.to_dict()["cost"]["saved_usd"] == float(41_001 * NOVA)


def test_silence_that_was_not_sent_to_a_fused_model_is_priced_as_audio(tmp_path: Path) -> None:
    found = cost(silent(Story(), "realtime", 4150, "audio_tokens_in", 41), book(tmp_path, FUSED))
    assert found.not_spent == 41 * Decimal(32) / 1_000_000


def test_silence_without_a_price_is_told_without_money(tmp_path: Path) -> None:
    file = "stages: {stt: {use: deepgram/nova-9}, llm: sim, tts: sim}\n"
    story = Story().add(
        1,
        NotSent(
            at_ns=0, slot="stt", provider="deepgram", model="nova-9", ms=500, unit="audio_in_ms", amount=500
        ),
    )
    made = report(story, book(tmp_path, file))
    (saved,) = made.saved.amounts.values()
    assert (saved.total, saved.unpriced, saved.cost) == (500, 500, 0)
    assert made.to_dict()["cost_usd"] == 0.0, "of what was saved nothing is missing in what was spent"


def test_where_nobody_sends_a_bill_nothing_is_saved(tmp_path: Path) -> None:
    here = (
        'stages: {vad: energy, realtime: {use: openai/gpt-realtime-2.1, base_url: "http://127.0.0.1:9/v1"}}\n'
    )
    made = report(silent(Story(), "realtime", 4150, "audio_tokens_in", 41), book(tmp_path, here))
    assert (made.saved.amounts, made.not_sent_ms) == ({}, 0)


REQUESTS = st.lists(
    st.tuples(
        st.sampled_from(["stt", "llm", "tts"]),
        st.sampled_from(["ok", "cancelled", "failed"]),
        st.sampled_from(["audio_in_ms", "tokens_in", "tokens_out", "characters"]),
        st.integers(0, 5000),
        st.sampled_from([None, 1, 2]),
    ),
    max_size=8,
)


@given(REQUESTS, st.sampled_from(["completed", "interrupted", "failed", "discarded"]))
def test_no_more_is_for_nothing_than_was_spent_and_the_parts_are_the_whole(
    tmp_path_factory: pytest.TempPathFactory, made: list[Any], status: Any
) -> None:
    prices = PRICES.get("cloud") or PRICES.setdefault("cloud", book(tmp_path_factory.mktemp("p"), CLOUD))
    story = Story().draft(0).draft(0, turn=2).begin(0)
    for slot, how, unit, amount, turn in made:
        call(story, 1, slot, turn, how, **{unit: amount})
    story.end(2, status=status, said="One two three.", heard="One").end(3, turn=2, status="discarded")
    found = cost(story, prices)
    assert 0 <= found.for_nothing <= found.priced
    assert sum(found.by(lambda meter: meter.unit).values()) == found.priced
    assert (found.total is None) == bool(found.unpriced)


PRICES: dict[str, PriceBook] = {}
"""Made once, since a property test has many examples."""
