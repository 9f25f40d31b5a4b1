"""What calls have cost, from the ledger that a pipeline writes (cost: {ledger: costs.db}), and will cost.

voicepipe costs --by provider
voicepipe costs forecast --calls-per-day 400 --minutes 4
voicepipe costs budgets
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

from voicepipe.cli.cost import shown
from voicepipe.cli.terminal import Terminal, printable
from voicepipe.config.budget import store_beside
from voicepipe.errors import UsageError
from voicepipe.observe.budget_book import Balance, BudgetBook
from voicepipe.observe.forecast import FEW, Forecast, forecast
from voicepipe.observe.ledger import By, Ledger, Line
from voicepipe.speech.pricing import usd

MOST = 1_000_000
"""Calls a day, and minutes."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "what",
        nargs="?",
        choices=["forecast", "budgets"],
        help="instead of the past: a month to come, or what is left of the budgets (cost.budget)",
    )
    parser.add_argument(
        "--ledger", type=Path, default=Path("costs.db"), metavar="PATH", help="the ledger (costs.db)"
    )
    parser.add_argument(
        "--by", choices=["session", "day", "provider", "stage"], help="what each line is about (day)"
    )
    parser.add_argument("--calls-per-day", type=_count, metavar="N", help="for the forecast")
    parser.add_argument("--minutes", type=_count, metavar="M", help="how long a call lasts, for the forecast")
    parser.add_argument(
        "--store", type=Path, metavar="PATH", help="for budgets: where they are counted (beside the ledger)"
    )
    parser.add_argument("--json", action="store_true", help="print it as JSON")


def run(options: argparse.Namespace) -> int:
    ledger = Ledger(options.ledger)
    if options.what == "forecast":
        return _forecast(options, ledger)
    if options.what == "budgets":
        return _budgets(options)
    if options.calls_per_day is not None or options.minutes is not None:
        raise UsageError("--calls-per-day and --minutes are for: voicepipe costs forecast")
    by: By = options.by or "day"
    lines = ledger.lines(by)
    if options.json:
        print(json.dumps({"by": by, "lines": [_line(line) for line in lines]}))
    else:
        print("\n".join(_table(by, lines)))
    return 0


def _count(text: str) -> Fraction:
    try:
        number = Fraction(text)
    except (ValueError, ZeroDivisionError):
        number = Fraction(0)
    if not 0 < number <= MOST:
        raise argparse.ArgumentTypeError(f"expected a number above 0, found '{text}'")
    return number


# ── budgets ──────────────────────────────────────────────────────────────────────────────────────


def _budgets(options: argparse.Namespace) -> int:
    """Those of this day and this month."""
    if (options.by, options.calls_per_day, options.minutes) != (None, None, None):
        raise UsageError("--by, --calls-per-day and --minutes aren't for: voicepipe costs budgets")
    store = options.store or store_beside(options.ledger)
    now = datetime.now(UTC)
    periods = (f"day {now:%Y-%m-%d}", f"month {now:%Y-%m}")
    balances = [one for one in BudgetBook(store).balances(now) if one.account.endswith(periods)]
    if options.json:
        print(json.dumps({"budgets": [_balance(one) for one in balances]}))
        return 0
    rows: list[tuple[str, ...]] = [("budget", "USD", "spent", "held", "left")]
    rows += [
        (
            printable(one.account),
            *(shown(usd(amount)) for amount in (one.limit, one.spent, one.held, one.left)),
        )
        for one in balances
    ]
    print("\n".join(_aligned(rows)))
    return 0


def _balance(one: Balance) -> dict[str, Any]:
    return {
        "budget": one.account,
        "limit_usd": float(usd(one.limit)),
        "spent_usd": float(usd(one.spent)),
        "held_usd": float(usd(one.held)),
        "left_usd": float(usd(one.left)),
    }


# ── the past ─────────────────────────────────────────────────────────────────────────────────────


def _line(line: Line) -> dict[str, Any]:
    return {
        "key": line.key,
        "calls": line.calls,
        "requests": line.requests,
        "priced_usd": float(usd(line.cost)),
        "wasted_usd": float(usd(line.wasted)),
        "unpriced_requests": line.unpriced,
    }


def _table(by: str, lines: list[Line]) -> list[str]:
    rows = [(by, "calls", "requests", "USD", "for nothing", "unpriced")]
    rows += [
        (
            printable(line.key),
            str(line.calls),
            str(line.requests),
            shown(usd(line.cost)),
            shown(usd(line.wasted)),
            str(line.unpriced) if line.unpriced else "",
        )
        for line in lines
    ]
    if by != "session":  # a call has several providers and stages: its calls can't be added up
        rows.append(("total", "", *_totals(lines)))
    return _aligned(rows)


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """The first column to the left, the others to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _totals(lines: list[Line]) -> tuple[str, str, str, str]:
    unpriced = sum(line.unpriced for line in lines)
    return (
        str(sum(line.requests for line in lines)),
        shown(usd(sum(line.cost for line in lines))),
        shown(usd(sum(line.wasted for line in lines))),
        str(unpriced) if unpriced else "",
    )


# ── the month to come ────────────────────────────────────────────────────────────────────────────


def _forecast(options: argparse.Namespace, ledger: Ledger) -> int:
    if options.calls_per_day is None or options.minutes is None:
        raise UsageError("a forecast needs --calls-per-day and --minutes")
    if options.by is not None:
        raise UsageError("--by is for the past; a forecast is of everything together")
    found = forecast(ledger.calls(), calls_per_day=options.calls_per_day, minutes=options.minutes)
    if found is None:
        raise UsageError(
            f"{ledger.path} has no call whose price is known",
            hint="voicepipe costs --by provider shows what has no price",
        )
    if options.json:
        print(json.dumps(_forecast_dict(found)))
        return 0
    months = f"{options.calls_per_day} calls a day of {options.minutes} minutes"
    print(f"{_cents(found.a_month)} USD a month for {months}, {shown(usd(found.a_call))} a call")
    if found.low is not None and found.high is not None:
        print(
            f"{_cents(found.low)} to {_cents(found.high)} USD are likely (95 %), from {_calls(found.calls)}"
        )
    terminal = Terminal()
    for sentence in _doubts(found):
        terminal.warn(sentence)
    return 0


def _forecast_dict(found: Forecast) -> dict[str, Any]:
    likely = [found.low, found.high]
    return {
        "month_usd": float(usd(found.a_month)),
        "likely_usd": [None if one is None else float(usd(one)) for one in likely],
        "call_usd": float(usd(found.a_call)),
        "minute_usd": float(usd(found.a_minute)),
        "calls": found.calls,
        "calls_left_out": found.left_out,
    }


def _doubts(found: Forecast) -> list[str]:
    doubts = []
    if found.left_out:
        doubts.append(f"{_calls(found.left_out)} left out, since something in them has no price")
    if found.calls < FEW:
        doubts.append(f"{_calls(found.calls)} measured; a forecast needs {FEW} to be relied on")
    return doubts


def _calls(number: int) -> str:
    return f"{number} call{'' if number == 1 else 's'}"


def _cents(picodollars: int) -> str:
    return f"{usd(picodollars).quantize(Decimal('0.01')):,f}"
