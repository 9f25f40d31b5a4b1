from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.observe.test_ledger import CALL, LATER, OTHER, REQUEST, SPEECH
from voicepipe.cli.main import main
from voicepipe.observe.budget_book import Account, BudgetBook
from voicepipe.observe.ledger import Ledger
from voicepipe.speech.pricing import PICO

HOUR = timedelta(hours=1)

PIPELINE = """
voicepipe: 1
name: shop
stages: {vad: energy, stt: sim, llm: {use: sim, replies: [{say: Gone.}]}, tts: sim}
cost:
  ledger: costs.db
  prices: {sim: {million_tokens_in: 0.1, million_tokens_out: 0.5, million_characters: 40}}
"""


@pytest.fixture
def path(tmp_path: Path) -> str:
    made = Ledger(tmp_path / "costs.db")
    made.add(CALL, [replace(REQUEST, cost=PICO // 100), SPEECH])
    made.add(OTHER, [replace(LATER, cost=PICO // 50, wasted=PICO // 200)])
    return str(made.path)


def test_costs_are_told_by_day(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["costs", "--ledger", path]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "day         calls  requests       USD  for nothing  unpriced",
        "2026-11-23      1         2  0.010000     0.000000         1",
        "2026-11-24      1         1  0.020000     0.005000",
        "total                     3  0.030000     0.005000         1",
    ]


@pytest.mark.parametrize(
    ("by", "keys"),
    [
        ("session", ["s1", "s2"]),
        ("provider", ["espeak", "openai/gpt-6-luna"]),
        ("stage", ["llm", "tts"]),
    ],
)
def test_or_by_something_else(
    path: str, by: str, keys: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["costs", "--ledger", path, "--by", by, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert (printed["by"], [line["key"] for line in printed["lines"]]) == (by, keys)
    assert sum(line["priced_usd"] for line in printed["lines"]) == pytest.approx(0.03)
    assert sum(line["unpriced_requests"] for line in printed["lines"]) == 1


def forecast(path: str, *options: str) -> int:
    return main(["costs", "forecast", "--ledger", path, "--calls-per-day", "400", "--minutes", "4", *options])


def test_a_month_is_forecast_from_the_calls_that_are_priced(
    path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert forecast(path) == 0
    told = capsys.readouterr()
    # 0.02 USD in half a minute
    assert told.out == "1,948.00 USD a month for 400 calls a day of 4 minutes, 0.160000 a call\n"
    assert "1 call left out, since something in them has no price" in told.err
    assert "1 call measured; a forecast needs 20 to be relied on" in told.err


def test_with_the_spread(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    more = Ledger(Path(path))
    for number in range(25):
        call, cost = f"m{number}", (number + 1) * PICO // 1000
        more.add(replace(OTHER, call=call), [replace(LATER, id=f"{call}-1", call=call, cost=cost)])
    assert forecast(path) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.endswith("USD a month for 400 calls a day of 4 minutes, 0.106154 a call")
    assert second.endswith("USD are likely (95 %), from 26 calls")
    assert forecast(path, "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    low, high = printed["likely_usd"]
    assert low < printed["month_usd"] < high
    assert (printed["calls"], printed["calls_left_out"]) == (26, 1)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--calls-per-day", "4"], "are for: voicepipe costs forecast"),
        (["forecast", "--minutes", "4"], "a forecast needs --calls-per-day and --minutes"),
        (["forecast", "--calls-per-day", "0", "--minutes", "4"], "expected a number above 0, found '0'"),
        (["forecast", "--calls-per-day", "1", "--minutes", "1/0"], "expected a number above 0, found '1/0'"),
        (["forecast", "--calls-per-day", "1", "--minutes", "1", "--by", "day"], "--by is for the past"),
        (["--by", "hour"], "invalid choice"),
    ],
)
def test_bad_usage_is_told(
    path: str, options: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["costs", *options, "--ledger", path]) == 2
    assert told in capsys.readouterr().err


def test_a_ledger_that_is_not_there_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["costs", "--ledger", str(tmp_path / "no.db")]) == 2
    assert "there is no ledger" in capsys.readouterr().err


def test_without_a_priced_call_there_is_no_forecast(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Ledger(tmp_path / "costs.db").add(CALL, [SPEECH])
    assert forecast(str(tmp_path / "costs.db")) == 2
    assert "has no call whose price is known" in capsys.readouterr().err


def run(folder: Path, clock: str) -> int:
    (folder / "pipeline.yaml").write_text(PIPELINE)
    return main(["run", str(folder / "pipeline.yaml"), "--text", "Where is it?", "--clock", clock])


def test_a_call_is_written_to_the_ledger_that_the_file_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        assert run(tmp_path, "real") == 0
    assert main(["costs", "--ledger", str(tmp_path / "costs.db"), "--by", "stage", "--json"]) == 0
    llm, tts = json.loads(capsys.readouterr().out.splitlines()[-1])["lines"]
    assert (llm["key"], llm["calls"], tts["key"], tts["calls"]) == ("llm", 2, "tts", 2)
    assert tts["priced_usd"] == 2 * 5 * 40 / 1_000_000
    assert forecast(str(tmp_path / "costs.db")) == 0


def test_what_is_simulated_costs_nobody_anything(tmp_path: Path) -> None:
    assert run(tmp_path, "simulated") == 0
    assert not (tmp_path / "costs.db").exists()


def test_a_ledger_that_can_not_be_written_is_told_after_the_call(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "costs.db").mkdir()
    assert run(tmp_path, "real") == 3
    told = capsys.readouterr().err
    assert "Gone." in told
    assert "can't be used" in told


# ── budgets ──────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Beside the ledger: of this month a half is spent, of the last day all."""
    now, path = datetime.now(UTC), tmp_path / "costs-budget.db"
    accounts = [Account(f"month {now:%Y-%m}", 10 * PICO)]
    with closing(BudgetBook(path)) as book:
        book.visit("x", accounts, amounts=(PICO,), spent=5 * PICO, spent_in=accounts, now=now, lasts=HOUR)
        past = [Account("day 2020-01-01", PICO)]
        book.visit("y", (), amounts=(0,), spent=PICO, spent_in=past, now=now, lasts=HOUR)
    return path


def test_what_is_left_of_the_budgets_of_today_and_this_month_is_told(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["costs", "budgets", "--ledger", str(store.with_name("costs.db"))]) == 0
    heads, line = capsys.readouterr().out.splitlines()
    assert heads.split() == ["budget", "USD", "spent", "held", "left"]
    assert line.split()[0] == "month"
    assert line.split()[2:] == ["10.000000", "5.000000", "1.000000", "4.000000"]


def test_budgets_are_told_to_programs_too(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["costs", "budgets", "--store", str(store), "--json"]) == 0
    (budget,) = json.loads(capsys.readouterr().out)["budgets"]
    assert budget.pop("budget").startswith("month 20")
    assert budget == {"limit_usd": 10.0, "spent_usd": 5.0, "held_usd": 1.0, "left_usd": 4.0}


def test_budgets_that_nobody_counts_are_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["costs", "budgets", "--store", str(tmp_path / "none.db")]) == 2
    assert "there is no budget store" in capsys.readouterr().err
    assert main(["costs", "budgets", "--by", "day"]) == 2
