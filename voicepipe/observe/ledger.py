"""The ledger: what every request to a provider cost, one row each, in an SQLite database.

Rows are only ever added, and the database itself refuses to change or delete one. A request has an id, so
that what is written twice is there once. Any number of processes may write to one ledger at a time: a call is
written in one transaction, for which the others wait.

Money is in picodollars, since a database has no exact decimals. A sum is exact up to nine million dollars for
each line that is asked for; beyond that SQLite refuses to add.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from voicepipe.errors import SetupError, UsageError

WAIT_S = 10.0
"""How long others may write before it is given up. Writing a call takes milliseconds."""

FORMAT = 1
"""Of the tables; in the database's ``user_version``."""

By = Literal["session", "day", "provider", "stage"]

_KEYS: dict[By, str] = {
    "session": "session",
    "day": "substr(at, 1, 10)",
    "provider": "provider || coalesce('/' || model, '')",
    "stage": "slot",
}

_TABLES = """
CREATE TABLE calls (
    call TEXT PRIMARY KEY, session TEXT NOT NULL, pipeline TEXT NOT NULL, at TEXT NOT NULL,
    duration_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE requests (
    id TEXT PRIMARY KEY, call TEXT NOT NULL, session TEXT NOT NULL, at TEXT NOT NULL, turn INTEGER,
    slot TEXT NOT NULL, provider TEXT NOT NULL, model TEXT, status TEXT,
    cost INTEGER NOT NULL, wasted INTEGER NOT NULL, unpriced INTEGER NOT NULL, usage TEXT NOT NULL
) WITHOUT ROWID;
"""
_GUARDS = """
CREATE TRIGGER {table}_{verb} BEFORE {verb} ON {table}
BEGIN SELECT RAISE(ABORT, 'the ledger is only added to'); END;
"""


@dataclass(frozen=True, slots=True)
class CallRow:
    """A call; ``at`` is when it began, in UTC, as ISO 8601 writes it."""

    call: str
    session: str
    pipeline: str
    at: str
    duration_ms: int


@dataclass(frozen=True, slots=True)
class RequestRow:
    """A request; ``cost`` and ``wasted`` in picodollars, ``unpriced``: whether any of it has no price."""

    id: str
    call: str
    session: str
    at: str
    turn: int | None
    slot: str
    provider: str
    model: str | None
    status: str | None
    cost: int
    wasted: int
    unpriced: bool
    usage: dict[str, int]


@dataclass(frozen=True, slots=True)
class Line:
    """Requests under one ``key``; ``unpriced``: how many of them aren't priced, or not wholly."""

    key: str
    calls: int
    requests: int
    cost: int
    wasted: int
    unpriced: int


@dataclass(frozen=True, slots=True)
class CallCost:
    """What one call cost in all."""

    duration_ms: int
    cost: int
    priced: bool


class Ledger:
    """Opened for each use, so that it can be shared by threads and processes. All of it blocks."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, call: CallRow, requests: Sequence[RequestRow]) -> None:
        """Write a call down, all of it or nothing. Raises ``SetupError`` if that can't be done."""
        rows = [
            (*astuple(row)[:-1], json.dumps(row.usage, separators=(",", ":"), sort_keys=True))
            for row in requests
        ]
        with self._open(create=True) as database:
            database.execute("BEGIN IMMEDIATE")
            self._make(database)
            database.execute("INSERT INTO calls VALUES (?,?,?,?,?) ON CONFLICT DO NOTHING", astuple(call))
            database.executemany(
                f"INSERT INTO requests VALUES ({','.join('?' * 13)}) ON CONFLICT DO NOTHING",  # noqa: S608 - of marks
                rows,
            )
            database.execute("COMMIT")

    def lines(self, by: By) -> list[Line]:
        """The sums by ``by``, in the order of the keys."""
        key = _KEYS[by]
        select = (
            f"SELECT {key}, count(DISTINCT call), count(*), sum(cost), sum(wasted), sum(unpriced)"  # noqa: S608 - ours
            " FROM requests GROUP BY 1 ORDER BY 1"
        )
        with self._open(create=False) as database:
            return [Line(*row) for row in database.execute(select)]

    def calls(self) -> list[CallCost]:
        """Every call that took any time, the first one first."""
        select = (
            "SELECT duration_ms, coalesce(sum(cost), 0), coalesce(max(unpriced), 0) = 0"
            " FROM calls LEFT JOIN requests USING (call) WHERE duration_ms > 0 GROUP BY call"
            " ORDER BY calls.at, call"
        )
        with self._open(create=False) as database:
            return [CallCost(ms, cost, bool(priced)) for ms, cost, priced in database.execute(select)]

    @contextmanager
    def _open(self, *, create: bool) -> Iterator[sqlite3.Connection]:
        if not create and not self.path.is_file():
            hint = "name it with --ledger; a pipeline writes one if its file says cost: {ledger: PATH}"
            raise UsageError(f"there is no ledger {self.path}", hint=hint)
        try:
            if create:
                self.path.touch(mode=0o600)
            with closing(sqlite3.connect(self.path, timeout=WAIT_S, isolation_level=None)) as database:
                if not create:
                    self._check(database)
                yield database
        except (sqlite3.Error, OSError) as error:
            hint = "check the path, its permissions and the space left"
            raise SetupError(f"the ledger {self.path} can't be used: {error}", hint=hint) from None

    def _make(self, database: sqlite3.Connection) -> None:
        """The tables, where there are none; inside of a transaction, so that two don't make them at once."""
        if database.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,):
            # executescript() would end the transaction
            for statement in _TABLES.split(";")[:-1]:
                database.execute(statement)
            for table in ("calls", "requests"):
                for verb in ("update", "delete"):
                    database.execute(_GUARDS.format(table=table, verb=verb))
            database.execute(f"PRAGMA user_version = {FORMAT}")
        else:
            self._check(database)

    def _check(self, database: sqlite3.Connection) -> None:
        (found,) = database.execute("PRAGMA user_version").fetchone()
        if found != FORMAT:
            hint = "give the path of a ledger, or of a file that isn't there yet"
            raise SetupError(f"{self.path} isn't a ledger of this version", hint=hint)


def in_utc(at: datetime) -> str:
    """As it stands in the ledger: to the millisecond, so that texts sort as times do."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds")
