from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.observe.money import CLOUD, book
from tests.observe.test_cost import call, heard
from tests.support.happenings import Story
from tests.support.workers import make_workers
from voicepipe.observe.account import Account
from voicepipe.observe.ledger import CallRow, Ledger, RequestRow
from voicepipe.observe.price_book import PriceBook
from voicepipe.observe.report import CallReport
from voicepipe.speech.pricing import PICO

NOWHERE = Ledger(Path("not-written.db"))
AT = datetime(2026, 11, 23, 23, 59, 59, tzinfo=UTC)


def rows(
    story: Story, prices: PriceBook, keep_turns: int | None = None
) -> tuple[CallRow, list[RequestRow], CallReport]:
    report = CallReport(session="s1", clock="real", prices=prices, keep_turns=keep_turns)
    account = Account(prices, NOWHERE, session="s1", pipeline="shop", report=report, at=AT)
    for at_ns, event in story.events:
        report(at_ns, event)
        account(at_ns, event)
    return (*account.rows(report), report)


def spoken() -> Story:
    story = call(Story(), 900, "stt", None, audio_in_ms=2000)
    story.draft(1000).end(1200, status="discarded")
    call(story, 1201, "llm", 1, "cancelled", tokens_in_=500)
    story.begin(1500, turn=2)
    call(story, 1800, "llm", 2, "failed", tokens_in=600)
    call(story, 2600, "llm", 2, tokens_in=1000, tokens_out=20)
    call(story, 3000, "tts", 2, characters=8)
    call(story, 3001, "tts", 2, "cancelled", characters=12)
    heard(story, 3500, "One two.", 24_000, turn=2)
    return story.end(3600, turn=2, status="interrupted", said="One two. Three four.", heard="One two.")


def test_a_call_has_a_row_for_each_request(tmp_path: Path) -> None:
    one, requests, _ = rows(spoken(), book(tmp_path, CLOUD))
    assert (one.session, one.pipeline, one.duration_ms) == ("s1", "shop", 3600)
    assert one.at == "2026-11-23T23:59:59.000+00:00"
    assert [row.id for row in requests] == [f"{one.call}-{number}" for number in range(1, 7)]
    assert [row.slot for row in requests] == ["stt", "llm", "llm", "llm", "tts", "tts"]
    assert [row.status for row in requests] == ["ok", "cancelled", "failed", "ok", "ok", "cancelled"]
    assert [row.turn for row in requests] == [None, 1, 2, 2, 2, 2]
    assert requests[3].usage == {"tokens_in": 1000, "tokens_out": 20}
    assert (requests[3].provider, requests[3].model) == ("openai", "gpt-6-luna")


def test_each_row_is_of_its_own_time_and_maybe_of_the_next_day(tmp_path: Path) -> None:
    _, requests, _ = rows(spoken(), book(tmp_path, CLOUD))
    assert [row.at[:19] for row in requests[:2]] == ["2026-11-23T23:59:59", "2026-11-24T00:00:00"]


def test_rows_tell_what_was_for_nothing(tmp_path: Path) -> None:
    _, requests, _ = rows(spoken(), book(tmp_path, CLOUD))
    discarded, failed, answer = requests[1:4]
    assert discarded.wasted == discarded.cost == 500 * 100_000
    assert failed.wasted == failed.cost == 600 * 100_000
    assert (answer.cost, answer.wasted) == (1000 * 100_000 + 20 * 500_000, 12 * 500_000)
    # 12 of 20 characters weren't heard; which of them nobody knows, so both bear their part
    assert [row.wasted for row in requests[4:]] == [192_000_000, 288_000_000]


def test_two_calls_of_one_name_are_two_calls(tmp_path: Path) -> None:
    prices = book(tmp_path, CLOUD)
    first, second = (rows(spoken(), prices)[0] for _ in range(2))
    assert first.session == second.session
    assert first.call != second.call


def test_what_has_no_price_is_marked(tmp_path: Path) -> None:
    story = call(Story().begin(0), 1, "llm", 1, model="gpt-7", tokens_in=1)
    call(story, 2, "tts", 1, characters=1)
    _, requests, _ = rows(story.end(3), book(tmp_path, CLOUD))
    assert [(row.unpriced, row.cost > 0) for row in requests] == [(True, False), (False, True)]


def test_a_call_that_never_began_is_not_written_down(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.db")
    prices, workers = book(tmp_path, CLOUD), make_workers()
    for story in (Story(), Story().begin(1)):
        account = Account(prices, ledger, session="s", pipeline="p")
        report = CallReport(session="s", clock="real", prices=prices)
        story.play(account)
        asyncio.run(account.end(report, workers))
        assert ledger.path.exists() is bool(story.events)
    workers.close()


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
PRICES: list[PriceBook] = []
"""Made once, since a property test has many examples."""


@given(REQUESTS, st.sampled_from(["completed", "interrupted", "failed", "discarded"]))
def test_the_rows_are_the_bill_of_the_call_to_the_last_digit(
    tmp_path_factory: pytest.TempPathFactory, made: list[Any], status: Any
) -> None:
    if not PRICES:
        PRICES.append(book(tmp_path_factory.mktemp("p"), CLOUD))
    story = Story().draft(0).draft(0, turn=2).begin(0)
    for slot, how, unit, amount, turn in made:
        call(story, 1, slot, turn, how, **{unit: amount})
    story.end(2, status=status, said="One two three.", heard="One").end(3, turn=2, status="discarded")
    _, requests, report = rows(story, PRICES[0])
    assert report.cost is not None
    assert sum(row.cost for row in requests) == report.cost.priced * PICO
    assert sum(row.wasted for row in requests) == report.cost.for_nothing * PICO
    assert any(row.unpriced for row in requests) == bool(report.cost.unpriced)


TURN = st.tuples(
    st.sampled_from(["completed", "interrupted", "failed", "discarded"]),
    st.lists(
        st.tuples(
            st.sampled_from(["llm", "tts"]),
            st.sampled_from(["ok", "cancelled", "failed"]),
            st.sampled_from(["tokens_out", "characters"]),
            st.integers(0, 5000),
            st.booleans(),
        ),
        max_size=3,
    ),
)


@given(st.lists(TURN, max_size=7), st.integers(1, 3))
def test_a_call_of_which_few_turns_are_kept_has_the_sums_and_the_rows_of_the_whole_one(
    tmp_path_factory: pytest.TempPathFactory, turns: list[Any], keep: int
) -> None:
    if not PRICES:
        PRICES.append(book(tmp_path_factory.mktemp("p"), CLOUD))
    story = Story()
    for number, (status, requests) in enumerate(turns, 1):
        at = 1000 * number
        story.draft(at, turn=number)
        if status != "discarded":
            story.begin(at, turn=number)
        for slot, how, unit, amount, of_turn in requests:
            call(story, at + 1, slot, number if of_turn else None, how, **{unit: amount})
        story.end(at + 2, turn=number, status=status, said="One two three.", heard="One")
    _, few, bounded = rows(story, PRICES[0], keep)
    _, all_of_it, whole = rows(story, PRICES[0])
    ours, theirs = bounded.to_dict(), whole.to_dict()
    kept = ours.pop("turns")
    assert kept == theirs["turns"][len(theirs.pop("turns")) - len(kept) :]
    assert len(kept) <= keep
    assert ours.pop("left_out").get("turns", 0) == whole.turn_count - len(kept)
    assert bounded.turn_count == whole.turn_count
    assert {row.id.partition("-")[2]: (row.cost, row.wasted) for row in few} == {
        row.id.partition("-")[2]: (row.cost, row.wasted) for row in all_of_it
    }
    for name in ("usage", "wasted", "unanswered", "discarded_drafts", "cost_usd"):
        assert ours[name] == theirs[name] or sorted_by_meter(ours[name]) == sorted_by_meter(theirs[name])


def sorted_by_meter(amounts: Any) -> Any:
    return sorted(map(str, amounts)) if isinstance(amounts, list) else amounts
