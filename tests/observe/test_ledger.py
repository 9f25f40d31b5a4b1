from __future__ import annotations

import sqlite3
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from multiprocessing import get_context
from pathlib import Path

import pytest

from voicepipe.errors import SetupError, UsageError
from voicepipe.observe.ledger import By, CallCost, CallRow, Ledger, Line, RequestRow, in_utc

CALL = CallRow("c1", "s1", "shop", "2026-11-23T10:00:00.000+00:00", 60_000)
REQUEST = RequestRow(
    id="c1-1",
    call="c1",
    session="s1",
    at="2026-11-23T10:00:01.000+00:00",
    turn=1,
    slot="llm",
    provider="openai",
    model="gpt-6-luna",
    status="ok",
    cost=500,
    wasted=20,
    unpriced=False,
    usage={"tokens_in": 5},
)
SPEECH = replace(
    REQUEST, id="c1-2", slot="tts", provider="espeak", model=None, cost=0, wasted=0, unpriced=True
)
OTHER = CallRow("c2", "s2", "shop", "2026-11-24T10:00:00.000+00:00", 30_000)
LATER = replace(REQUEST, id="c2-1", call="c2", session="s2", at="2026-11-24T10:00:01.000+00:00", cost=300)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    made = Ledger(tmp_path / "costs.db")
    made.add(CALL, [REQUEST, SPEECH])
    made.add(OTHER, [LATER])
    return made


@pytest.mark.parametrize(
    ("by", "lines"),
    [
        ("session", [Line("s1", 1, 2, 500, 20, 1), Line("s2", 1, 1, 300, 20, 0)]),
        ("day", [Line("2026-11-23", 1, 2, 500, 20, 1), Line("2026-11-24", 1, 1, 300, 20, 0)]),
        ("provider", [Line("espeak", 1, 1, 0, 0, 1), Line("openai/gpt-6-luna", 2, 2, 800, 40, 0)]),
        ("stage", [Line("llm", 2, 2, 800, 40, 0), Line("tts", 1, 1, 0, 0, 1)]),
    ],
)
def test_money_is_summed_up_by_what_is_asked_for(ledger: Ledger, by: By, lines: list[Line]) -> None:
    assert ledger.lines(by) == lines


def test_a_call_is_priced_if_all_of_its_requests_are(ledger: Ledger) -> None:
    assert ledger.calls() == [CallCost(60_000, 500, False), CallCost(30_000, 300, True)]


def test_a_call_without_requests_took_its_time_for_nothing(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "costs.db")
    ledger.add(CALL, [])
    ledger.add(replace(OTHER, duration_ms=0), [])
    assert ledger.calls() == [CallCost(60_000, 0, True)]


def test_what_is_written_twice_is_there_once(ledger: Ledger) -> None:
    ledger.add(CALL, [REQUEST, SPEECH])
    assert [line.requests for line in ledger.lines("session")] == [2, 1]


@pytest.mark.parametrize("table", ["calls", "requests"])
@pytest.mark.parametrize("change", ["DELETE FROM {}", "UPDATE {} SET at = ''"])
def test_nobody_changes_what_is_written(ledger: Ledger, table: str, change: str) -> None:
    database = sqlite3.connect(ledger.path)
    with pytest.raises(sqlite3.IntegrityError, match="only added to"):
        database.execute(change.format(table))
    database.close()


def test_only_its_owner_reads_it(ledger: Ledger) -> None:
    assert ledger.path.stat().st_mode & 0o777 == 0o600


def test_a_call_is_written_as_a_whole_or_not_at_all(ledger: Ledger) -> None:
    third = replace(CALL, call="c3")
    bad = replace(REQUEST, id="c3-2", call="c3", cost=None)  # type: ignore[arg-type]
    with pytest.raises(SetupError, match="NOT NULL"):
        ledger.add(third, [replace(REQUEST, id="c3-1", call="c3"), bad])
    assert len(ledger.calls()) == 2
    assert sum(line.requests for line in ledger.lines("day")) == 3


def test_a_ledger_that_is_not_there_is_not_made_by_reading(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no ledger"):
        Ledger(tmp_path / "costs.db").lines("day")
    assert not (tmp_path / "costs.db").exists()


@pytest.mark.parametrize("content", [b"", b"this is not a database at all, whatever its name says"])
def test_another_file_is_not_a_ledger(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "costs.db"
    path.write_bytes(content)
    with pytest.raises(SetupError, match=r"costs\.db"):
        Ledger(path).lines("day")


def test_another_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE customers (name TEXT)")
    database.close()
    with pytest.raises(SetupError, match="isn't a ledger of this version"):
        Ledger(path).add(CALL, [REQUEST])


def test_a_folder_that_is_not_there_is_an_error_that_says_so(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="can't be used") as caught:
        Ledger(tmp_path / "nowhere" / "costs.db").add(CALL, [REQUEST])
    assert caught.value.hint == "check the path, its permissions and the space left"


def write_calls(path: Path, process: int, calls: int) -> None:
    ledger = Ledger(path)
    for number in range(calls):
        name = f"p{process}-{number}"
        row = replace(REQUEST, id=f"{name}-1", call=name, cost=1 + number)
        ledger.add(replace(CALL, call=name), [row])


def test_several_processes_write_at_once_and_nothing_is_lost(tmp_path: Path) -> None:
    path, calls = tmp_path / "costs.db", 25
    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as pool:
        for done in [pool.submit(write_calls, path, process, calls) for process in range(4)]:
            done.result()
    (line,) = Ledger(path).lines("day")
    assert (line.calls, line.requests, line.cost) == (100, 100, 4 * sum(range(1, calls + 1)))


def test_times_sort_as_texts_do() -> None:
    east = timezone(timedelta(hours=9))
    early, late = datetime(2026, 11, 23, 1, tzinfo=east), datetime(2026, 11, 22, 17, tzinfo=UTC)
    assert in_utc(early) == "2026-11-22T16:00:00.000+00:00" < in_utc(late)
