from __future__ import annotations

import os
import resource
import signal
import sqlite3
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicepipe.errors import SetupError, UsageError
from voicepipe.observe.budget_book import Account, Balance, BudgetBook, Visit

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
LEASE = timedelta(seconds=60)
USD = 10**12
DAY = Account("day 2026-11-23", USD)
MONTH = Account("month 2026-11", 10 * USD)


@pytest.fixture
def book(tmp_path: Path) -> Iterator[BudgetBook]:
    with closing(BudgetBook(tmp_path / "budget.db")) as made:
        yield made


def hold(
    book: BudgetBook,
    name: str,
    *amounts: int,
    accounts: Sequence[Account] = (DAY,),
    now: datetime = NOW,
    keep: int = 0,
) -> Visit:
    return book.visit(name, accounts, amounts=amounts, keep=keep, now=now, lasts=LEASE)


def spend(
    book: BudgetBook, name: str, amount: int, *accounts: Account, now: datetime = NOW, keep: int = 0
) -> Visit:
    """Book ``amount`` and hold nothing any more, or ``keep``."""
    used = accounts or (DAY,)
    return book.visit(name, used, amounts=(keep,), spent=amount, spent_in=used, now=now, lasts=LEASE)


def balance(book: BudgetBook, account: Account = DAY, now: datetime = NOW) -> tuple[int, int]:
    """What is spent and what is held."""
    (found,) = [one for one in book.balances(now) if one.account == account.name]
    return found.spent, found.held


# ── holding back ─────────────────────────────────────────────────────────────────────────────────


def test_what_one_holds_another_cannot_have(book: BudgetBook) -> None:
    assert hold(book, "a", 6 * USD // 10) == Visit(6 * USD // 10)
    assert hold(book, "b", 6 * USD // 10) == Visit(0, DAY)
    assert hold(book, "b", 4 * USD // 10) == Visit(4 * USD // 10)


def test_the_whole_of_a_budget_can_be_spent_to_the_last_picodollar(book: BudgetBook) -> None:
    spend(book, "a", USD - 1)
    assert hold(book, "b", 2).short == DAY
    assert hold(book, "b", 1).held == 1


def test_the_first_amount_that_fits_is_held(book: BudgetBook) -> None:
    hold(book, "a", 7 * USD // 10)
    assert hold(book, "b", USD // 2, USD // 4, 1).held == USD // 4


def test_a_hold_is_in_all_accounts_or_in_none(book: BudgetBook) -> None:
    small = Account("user ann, day 2026-11-23", USD // 10)
    assert hold(book, "a", USD // 2, accounts=(DAY, small, MONTH)).short == small
    assert hold(book, "b", USD).held == USD


def test_a_hold_replaces_the_one_before(book: BudgetBook) -> None:
    hold(book, "a", USD)
    assert hold(book, "a", USD).held == USD
    hold(book, "a", 0)
    assert hold(book, "b", USD).held == USD


def test_what_was_held_before_stays_if_there_is_no_more(book: BudgetBook) -> None:
    hold(book, "a", USD // 2)
    hold(book, "b", USD // 2)
    assert hold(book, "a", USD, keep=USD // 2) == Visit(USD // 2, DAY)
    assert hold(book, "c", 1).short == DAY


# ── what was spent ───────────────────────────────────────────────────────────────────────────────


def test_what_was_spent_counts_in_every_account(book: BudgetBook) -> None:
    spend(book, "a", 7, DAY, MONTH)
    spend(book, "b", 5, DAY, MONTH)
    assert book.balances(NOW) == [Balance(DAY.name, USD, 12, 0), Balance(MONTH.name, 10 * USD, 12, 0)]


def test_more_than_was_held_is_booked_as_well(book: BudgetBook) -> None:
    hold(book, "a", 5)
    spend(book, "a", 2 * USD)
    assert balance(book) == (2 * USD, 0)
    assert hold(book, "b", 1).short == DAY


def test_the_hold_of_a_dead_process_runs_out(book: BudgetBook) -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        pool.submit(hold_and_die, book.path)
        with pytest.raises(Exception, match="terminated abruptly"):
            pool.submit(os.getpid).result()
    assert hold(book, "b", 1, now=NOW + LEASE - timedelta(seconds=1)).short == DAY
    assert hold(book, "b", USD, now=NOW + LEASE).held == USD


def hold_and_die(path: Path) -> None:
    hold(BudgetBook(path), "dead", USD)
    os._exit(1)


def test_whose_hold_has_run_out_still_books_the_truth(book: BudgetBook) -> None:
    hold(book, "slow", USD)
    later = NOW + timedelta(minutes=5)
    assert hold(book, "b", USD, now=later).held == USD
    visit = book.visit("slow", (DAY,), amounts=(1,), spent=USD // 2, spent_in=(DAY,), now=later, lasts=LEASE)
    assert visit.short == DAY
    assert balance(book, now=later) == (USD // 2, USD)


def test_each_day_begins_with_nothing_spent(book: BudgetBook) -> None:
    tomorrow = Account("day 2026-11-24", USD)
    spend(book, "a", USD, DAY, MONTH)
    assert hold(book, "a", 1).short == DAY
    assert hold(book, "a", USD, accounts=(tomorrow, MONTH), now=NOW + timedelta(days=1)).held == USD


# ── alerts ───────────────────────────────────────────────────────────────────────────────────────


def test_an_alert_comes_once_for_each_account(book: BudgetBook) -> None:
    assert spend(book, "a", 8 * USD // 10 - 1).alerts == ()
    assert spend(book, "b", 1).alerts == ((DAY, 8 * USD // 10),)
    assert spend(book, "a", USD // 10).alerts == ()


def test_a_higher_limit_is_alerted_anew(book: BudgetBook) -> None:
    higher = Account(DAY.name, 2 * USD)
    assert [account for account, _ in spend(book, "a", USD, DAY).alerts] == [DAY]
    assert spend(book, "a", 0, higher).alerts == ()
    assert [account for account, _ in spend(book, "a", USD, higher).alerts] == [higher]


def test_what_is_held_is_no_reason_for_an_alert(book: BudgetBook) -> None:
    assert hold(book, "a", USD).alerts == ()


# ── many processes ───────────────────────────────────────────────────────────────────────────────

PROCESSES = 8
STEP = USD // 200


def hammer(path: Path, process: int) -> int:
    """Spend as much as is allowed, a half-cent at a time; what that was."""
    book, spent = BudgetBook(path, wait_s=30), 0
    with closing(book):
        while hold(book, f"p{process}", STEP).short is None:
            spend(book, f"p{process}", STEP)
            spent += STEP
    return spent


def test_eight_processes_that_hammer_a_limit_of_one_dollar_never_exceed_it(tmp_path: Path) -> None:
    path = tmp_path / "budget.db"  # all of them make it at once
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        spent = [run.result() for run in [pool.submit(hammer, path, n) for n in range(PROCESSES)]]
    assert sum(spent) == USD
    assert balance(BudgetBook(path)) == (USD, 0)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(0, 60), st.integers(0, 60), st.integers(0, 90)),
        max_size=30,
    )
)
def test_whatever_is_held_and_spent_within_it_no_limit_is_exceeded(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int, int, int]]
) -> None:
    book = BudgetBook(tmp_path_factory.mktemp("book") / "budget.db")
    small, now = Account("small", 100), NOW
    holds: dict[str, tuple[int, datetime]] = {}
    with closing(book):
        for who, wanted, part, seconds in steps:
            now += timedelta(seconds=seconds)
            held, until = holds.get(who, (0, now))
            spent = min(part, held) if now < until else 0
            visit = book.visit(
                who, (small,), amounts=(wanted,), spent=spent, spent_in=(small,), now=now, lasts=LEASE
            )
            holds[who] = visit.held, now + LEASE
            (found,) = book.balances(now)
            assert found.spent + found.held <= 100
            assert (visit.short is None) == (visit.held == wanted)


# ── a database that can't be used ────────────────────────────────────────────────────────────────


def test_a_file_that_is_taken_away_is_made_anew_and_not_written_to_where_nobody_sees_it(
    book: BudgetBook,
) -> None:
    spend(book, "a", 5)
    book.path.rename(book.path.with_suffix(".old"))
    spend(book, "a", 7)
    assert balance(book) == (7, 0)


def test_it_can_be_closed_at_any_time(book: BudgetBook) -> None:
    book.close()
    spend(book, "a", 5)
    book.close()
    spend(book, "a", 5)
    assert balance(book) == (10, 0)


def test_only_its_owner_may_read_it(book: BudgetBook) -> None:
    hold(book, "a", 1)
    assert book.path.stat().st_mode & 0o777 == 0o600


def test_a_database_that_somebody_keeps_locked_is_told(book: BudgetBook) -> None:
    hold(book, "a", 1)
    other = sqlite3.connect(book.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(SetupError, match=r"budget.db can't be used: database is locked"):
        hold(BudgetBook(book.path, wait_s=0), "b", 1)
    other.execute("ROLLBACK")
    other.close()
    assert hold(book, "b", 1).held == 1


def test_nothing_is_booked_on_a_full_disk_and_it_is_told(tmp_path: Path) -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        told = pool.submit(spend_on_a_full_disk, tmp_path / "budget.db").result()
    assert "can't be used" in told
    assert "the space left" in told


def spend_on_a_full_disk(path: Path) -> str:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
    with closing(BudgetBook(path)) as book, pytest.raises(SetupError) as caught:
        spend(book, "a", 1)
    return str(caught.value)


@pytest.mark.parametrize("made", ["other tables", "no database", "a ledger"])
def test_another_file_is_refused(tmp_path: Path, made: str) -> None:
    path = tmp_path / "other.db"
    if made == "no database":
        path.write_text("What is this? " * 100)
    else:
        with sqlite3.connect(path) as database:
            database.execute("CREATE TABLE calls (call TEXT)")
            database.execute("PRAGMA user_version = 1")
        database.close()
    with pytest.raises(SetupError, match=r"isn't a budget store|can't be used"):
        hold(BudgetBook(path), "a", 1)


def test_balances_of_nothing_are_an_error_and_make_no_file(book: BudgetBook) -> None:
    with pytest.raises(UsageError, match=r"there is no budget store .*budget\.db"):
        book.balances(NOW)
    assert not book.path.exists()
