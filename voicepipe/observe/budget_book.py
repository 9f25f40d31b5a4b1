"""Where the money of many processes is counted against one budget: an SQLite database.

An account is a budget in its period (``day 2026-11-23``). Whoever is going to spend money first holds some of
it back, in every account that it counts for or in none: one transaction, which the others wait for, with one
conditional INSERT an account, so that no two of them see the same room. What was really spent is booked
later and in any case, also when the hold has run out meanwhile.

A hold runs out unless its owner comes back in time: of a process that has died, nothing is held for longer.
Money is in picodollars.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from voicepipe.errors import SetupError, UsageError

WAIT_S = 2.0
"""How long others may write before it is given up. One visit takes a fraction of a millisecond."""

FORMAT = 1
"""Of the tables; in the database's ``user_version``."""

_APPLICATION = 0x766F6275
"""In the database's ``application_id``, to tell it from a ledger."""

_TABLES = """
CREATE TABLE accounts (
    account TEXT PRIMARY KEY, spent INTEGER NOT NULL, most INTEGER NOT NULL, alerted INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE holds (
    account TEXT NOT NULL, hold TEXT NOT NULL, amount INTEGER NOT NULL, until REAL NOT NULL,
    PRIMARY KEY (account, hold)
) WITHOUT ROWID;
"""

_HOLD_BACK = """
INSERT INTO holds (account, hold, amount, until)
SELECT :account, :hold, :amount, :until
WHERE :limit >= :amount + coalesce((SELECT spent FROM accounts WHERE account = :account), 0)
    + coalesce((SELECT sum(amount) FROM holds WHERE account = :account), 0)
"""


@dataclass(frozen=True, slots=True)
class Account:
    """A budget in its period; ``limit`` in picodollars."""

    name: str
    limit: int


@dataclass(frozen=True, slots=True)
class Visit:
    """What has come of a visit: how much is held now, and which account was too small for more.

    ``alerts``: accounts that are nearly spent, with what is spent; nobody else is told of them.
    """

    held: int
    short: Account | None = None
    alerts: tuple[tuple[Account, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Balance:
    """Of one account, in picodollars; ``limit`` is the one of who came last."""

    account: str
    limit: int
    spent: int
    held: int

    @property
    def left(self) -> int:
        """What nobody holds; never below 0, although more than a limit can be spent once it is lowered."""
        return max(0, self.limit - self.spent - self.held)


class BudgetBook:
    """One for each call; ``close`` it. All of it blocks, in any thread, but in one at a time."""

    def __init__(self, path: Path, *, alert_at: int = 8000, wait_s: float = WAIT_S) -> None:
        """``alert_at``: hundredths of a percent."""
        self.path = path
        self._alert_at = alert_at
        self._wait_s = wait_s
        self._database: sqlite3.Connection | None = None
        self._opened: tuple[int, int] | None = None
        """Which file that is."""

    def visit(
        self,
        hold: str,
        accounts: Sequence[Account],
        *,
        amounts: Sequence[int],
        keep: int = 0,
        spent: int = 0,
        spent_in: Sequence[Account] = (),
        now: datetime,
        lasts: timedelta,
    ) -> Visit:
        """Book ``spent`` in the accounts ``spent_in``, then hold the first of ``amounts`` that fits back.

        If none fits into all ``accounts``, ``keep`` is held whether it fits or not: it was before. What the
        hold was before is replaced in any case. Raises ``SetupError`` if the database can't be used, and
        then nothing of all that has happened.
        """
        until = (now + lasts).timestamp()
        with self._open() as database:
            database.execute("BEGIN IMMEDIATE")
            self._make(database)
            for account in spent_in:
                database.execute(
                    "INSERT INTO accounts VALUES (?, ?, ?, 0)"
                    " ON CONFLICT DO UPDATE SET spent = spent + excluded.spent, most = excluded.most",
                    (account.name, spent, account.limit),
                )
            alerts = tuple(found for one in spent_in if (found := self._alert(database, one)) is not None)
            database.execute("DELETE FROM holds WHERE hold = ? OR until <= ?", (hold, now.timestamp()))
            held, short = self._hold_back(database, hold, accounts, amounts, until)
            if short is not None and keep:
                held = keep
                rows = [(account.name, hold, keep, until) for account in accounts]
                database.executemany("INSERT INTO holds VALUES (?, ?, ?, ?)", rows)
            database.execute("COMMIT")
        return Visit(held, short, alerts)

    def balances(self, now: datetime | None = None) -> list[Balance]:
        """Of every account, in the order of their names."""
        select = (
            "SELECT account, most, spent, coalesce((SELECT sum(amount) FROM holds"
            " WHERE holds.account = accounts.account AND until > ?), 0) FROM accounts ORDER BY account"
        )
        if not self.path.is_file():
            hint = (
                "name it with --store; a pipeline makes one if its cost.budget limits days, months or groups"
            )
            raise UsageError(f"there is no budget store {self.path}", hint=hint)
        try:
            with closing(sqlite3.connect(self.path, timeout=self._wait_s)) as database:
                self._check(database)
                return [Balance(*row) for row in database.execute(select, ((now or _now()).timestamp(),))]
        except sqlite3.Error as error:
            raise self._unusable(error) from None

    def _hold_back(
        self,
        database: sqlite3.Connection,
        hold: str,
        accounts: Sequence[Account],
        amounts: Sequence[int],
        until: float,
    ) -> tuple[int, Account | None]:
        """What is held now, and the account that was too small for any more."""
        short = None
        for amount in amounts:
            short = None
            database.execute("SAVEPOINT fits")
            for account in accounts:
                values = {"account": account.name, "hold": hold, "amount": amount, "until": until}
                if database.execute(_HOLD_BACK, {**values, "limit": account.limit}).rowcount == 0:
                    short = account
                    break
            if short is None:
                database.execute("RELEASE fits")
                return amount, None
            database.execute("ROLLBACK TO fits")
            database.execute("RELEASE fits")
        return 0, short

    def _alert(self, database: sqlite3.Connection, account: Account) -> tuple[Account, int] | None:
        """The account with what is spent, if that is news; a higher limit is another alert."""
        if account.limit == 0:
            return None
        row = database.execute(
            "UPDATE accounts SET alerted = ? WHERE account = ? AND alerted < ? AND spent >= ?"
            " RETURNING spent",
            (account.limit, account.name, account.limit, -(-account.limit * self._alert_at // 10_000)),
        ).fetchone()
        return None if row is None else (account, row[0])

    def close(self) -> None:
        """Nothing is lost by it; the next visit opens the database again."""
        database, self._database = self._database, None
        if database is not None:
            database.close()

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """The database, which stays open: whoever closes it last waits for the disk."""
        try:
            if self._database is not None and _inode(self.path) != self._opened:
                self.close()  # somebody has taken the file away
            if self._database is None:
                self.path.touch(mode=0o600)
                self._opened = _inode(self.path)
                self._database = sqlite3.connect(
                    self.path, timeout=self._wait_s, isolation_level=None, check_same_thread=False
                )
                self._log_ahead(self._database)
            yield self._database
        except (sqlite3.Error, OSError) as error:
            self.close()
            raise self._unusable(error) from None
        except BaseException:
            self.close()
            raise

    def _unusable(self, error: Exception) -> SetupError:
        hint = "check its permissions and the space left; it has to lie on a disk of this computer"
        return SetupError(f"the budget store {self.path} can't be used: {error}", hint=hint)

    @staticmethod
    def _log_ahead(database: sqlite3.Connection) -> None:
        """Write-ahead logging: no visit waits for the disk. It is a property of the file."""
        database.execute("PRAGMA synchronous = NORMAL")
        if database.execute("PRAGMA journal_mode").fetchone() != ("wal",):
            # Somebody else who has just opened it keeps us from changing it, and is about to do so himself.
            with suppress(sqlite3.OperationalError):
                database.execute("PRAGMA journal_mode = WAL")

    def _make(self, database: sqlite3.Connection) -> None:
        """The tables, where there are none; inside of a transaction, so that two don't make them at once."""
        if database.execute("SELECT count(*) FROM sqlite_master").fetchone() != (0,):
            self._check(database)
            return
        for statement in _TABLES.split(";")[:-1]:
            database.execute(statement)
        database.execute(f"PRAGMA user_version = {FORMAT}")
        database.execute(f"PRAGMA application_id = {_APPLICATION}")

    def _check(self, database: sqlite3.Connection) -> None:
        found = (
            database.execute("PRAGMA application_id").fetchone(),
            database.execute("PRAGMA user_version").fetchone(),
        )
        if found != ((_APPLICATION,), (FORMAT,)):
            hint = "give the path of a budget store, or of a file that isn't there yet"
            raise SetupError(f"{self.path} isn't a budget store of this version", hint=hint)


def _inode(path: Path) -> tuple[int, int] | None:
    """Which file it is; None if it isn't there."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _now() -> datetime:
    return datetime.now(UTC)
