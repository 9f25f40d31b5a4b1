"""Budgets in whole calls, from the file to what the caller hears."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from voicepipe.api import RATE, Call, Pipeline
from voicepipe.cli.main import main as voicepipe
from voicepipe.core.clock import run_on
from voicepipe.core.records import BudgetAlert, BudgetExceeded, ProviderSwitched
from voicepipe.core.units import MS
from voicepipe.errors import BudgetError, ConfigErrors, SetupError, UsageError
from voicepipe.observe.alerts import Alert
from voicepipe.observe.budget_book import BudgetBook
from voicepipe.providers.sim_llm import SimLlm
from voicepipe.speech.pricing import PICO
from voicepipe.transports.wav import Typed, WavCall

FILE = """\
voicepipe: 1
agent: {{variables: {{caller: {{default: ""}}, team: {{default: ""}}}}}}
stages:
  vad: energy
  stt: sim
  llm: {{use: sim, replies: ["Ten characters and ten."], first_token: 1ms, per_token: 1ms}}
  tts: {{use: sim, speed: 20, first_audio: 1ms}}
cost:
  ledger: costs.db
  prices:
    sim: {{million_characters: 10000, million_tokens_in: 0, million_tokens_out: {}, audio_minute: 0}}
    cheap: {{million_tokens_in: 0, million_tokens_out: 0}}
  budget: {}
profiles:
  cheap: {{stages: {{llm: {{use: "tests.test_budgets:Cheap", replies: ["Cheap."]}}}}}}
"""


class Cheap(SimLlm):
    """Another provider, which has its own price."""

    name = "cheap"


REPLY = "Ten characters and ten."
REPLY_USD = 0.23
"""What it costs to speak it; nothing else costs anything."""

TOKENS = 40
"""USD for a million that the model writes, so that each of its requests could cost 16 cents."""

Make = Callable[..., Pipeline]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def made(budget: str, tokens: int = 0) -> Pipeline:
        path = tmp_path / "pipeline.yaml"
        path.write_text(FILE.format(tokens, budget))
        return Pipeline.from_yaml(path)

    return made


async def converse(call: Call, *lines: str) -> list[Any]:
    ends = WavCall(call.clock, [Typed(line) for line in lines], rate=RATE, gap_ns=MS)
    return [event async for _, event in call.run(ends.caller, ends.output)]


def heard(call: Call) -> list[str | None]:
    return [turn.heard for turn in call.report.turns]


def of(events: Sequence[Any], kind: type[Any]) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


# ── the budget of one call ───────────────────────────────────────────────────────────────────────


def test_a_call_that_has_met_its_budget_says_goodbye_and_is_over(make: Make) -> None:
    async def main() -> None:
        alerts: list[Alert] = []
        pipe = make('{session_usd: 0.50, then: [{say: "Good bye."}, hang_up]}')
        pipe.on_alert(alerts.append)
        async with pipe.session() as call:
            events = await converse(call, "one", "two", "three", "four")
        assert heard(call) == [REPLY, REPLY, "", "Good bye."]
        assert call.report.cost is not None
        assert call.report.cost.priced <= 0.5
        (told,) = of(events, BudgetExceeded)
        assert (told.slot, told.budget, told.limit, told.action) == ("tts", "session", "0.5 USD", "hang_up")
        (alert,) = alerts
        assert (alert.kind, alert.text) == (
            "budget_nearly_spent",
            "0.46 of 0.50 USD are spent of the budget 'session'",
        )
        assert alert.data == {
            "budget": "session",
            "spent_usd": 0.46,
            "limit_usd": 0.5,
            "session": call.report.session,
        }

    run_on("simulated", main())


def test_the_cheaper_profile_goes_on_with_the_call_until_it_meets_the_limit_too(make: Make) -> None:
    async def main() -> None:
        pipe = make("{session_usd: 0.60, then: [{profile: cheap}, hang_up]}", TOKENS)
        async with pipe.session() as call:
            events = await converse(call, "one", "two", "three", "four", "five", "six")
        (switched,) = of(events, ProviderSwitched)
        assert (switched.slot, switched.previous, switched.provider) == ("llm", "sim", "cheap")
        assert switched.reason == "the budget has met its limit"
        assert [event.action for event in of(events, BudgetExceeded)] == ["profile cheap", "hang_up"]
        assert heard(call) == [REPLY, REPLY, "Cheap.", "Cheap.", ""]
        assert call.report.cost is not None
        assert 0.55 < call.report.cost.priced <= 0.60

    run_on("simulated", main())


def test_without_a_budget_nothing_is_asked_and_nothing_is_counted(make: Make, tmp_path: Path) -> None:
    async def main() -> None:
        async with make("null").session() as call:
            assert not of(await converse(call, "one", "two"), BudgetAlert | BudgetExceeded)  # type: ignore[arg-type]
        assert heard(call) == [REPLY, REPLY]
        assert not (tmp_path / "costs-budget.db").exists()

    run_on("simulated", main())


def test_on_a_virtual_clock_every_limit_is_that_of_the_call(make: Make, tmp_path: Path) -> None:
    async def main() -> None:
        pipe = make("{user_day_usd: 0.30}")
        for _ in range(2):
            async with pipe.session() as call:
                await converse(call, "one", "two")
            assert heard(call) == [REPLY, ""]
        assert not (tmp_path / "costs-budget.db").exists()

    run_on("simulated", main())


# ── budgets that calls share, on the real clock ──────────────────────────────────────────────────


def spent(folder: Path) -> dict[str, float]:
    balances = BudgetBook(folder / "costs-budget.db").balances()
    assert all(one.held == 0 for one in balances)
    return {one.account.partition(" 20")[0]: one.spent / PICO for one in balances}


def test_calls_count_for_their_users_groups_days_and_months(make: Make, tmp_path: Path) -> None:
    async def main() -> None:
        pipe = make(
            '{user_day_usd: 1, user: "{{caller}}", day_usd: 2, month_usd: 3,'
            ' groups: {team: {name: "{{team}}", month_usd: 9}, firm: {day_usd: 9}}}'
        )
        async with pipe.session(vars={"caller": "ann", "team": "sales"}) as call:
            await converse(call, "one")
        async with pipe.session(user="bob", groups={"team": "care"}) as call:
            await converse(call, "one")
        assert heard(call) == [REPLY]
        assert spent(tmp_path) == {
            "day": 2 * REPLY_USD,
            "month": 2 * REPLY_USD,
            "user ann, day": REPLY_USD,
            "user bob, day": REPLY_USD,
            "group team sales, month": REPLY_USD,
            "group team care, month": REPLY_USD,
            "group firm, day": 2 * REPLY_USD,
        }

    asyncio.run(main())


def test_when_a_day_is_spent_new_calls_are_refused(make: Make, tmp_path: Path) -> None:
    async def main() -> None:
        pipe = make("{day_usd: 0.23, then: [deny]}")
        async with pipe.session() as call:
            await converse(call, "one")
        with pytest.raises(BudgetError, match=r"the budget of 0.23 USD \(day .*\) is spent"):
            async with pipe.session():
                raise AssertionError("it doesn't begin")
        assert spent(tmp_path) == {"day": REPLY_USD}

    asyncio.run(main())


def test_a_call_that_nothing_is_left_for_can_still_be_told_so(make: Make) -> None:
    async def main() -> None:
        pipe = make('{day_usd: 0.23, then: [{say: "Closed."}, hang_up]}')
        for expected in ([REPLY], ["Closed."]):
            async with pipe.session() as call:
                await converse(call, "one")
            assert heard(call) == expected

    asyncio.run(main())


@pytest.mark.parametrize(
    ("budget", "given", "message"),
    [
        ("{user_day_usd: 1}", {}, "cost.budget.user_day_usd needs to know whose call it is"),
        ('{user_day_usd: 1, user: "{{caller}}"}', {}, "cost.budget.user_day_usd needs to know whose call"),
        (
            '{groups: {team: {name: "{{team}}", day_usd: 1}}}',
            {},
            "cost.budget.groups.team needs to know which team the call belongs to",
        ),
        (
            "{groups: {team: {day_usd: 1}}}",
            {"groups": {"tame": "x"}},
            "there is no group 'tame'. Did you mean 'team'?",
        ),
    ],
)
def test_whose_call_it_is_has_to_be_known(
    make: Make, budget: str, given: dict[str, Any], message: str
) -> None:
    async def main() -> None:
        with pytest.raises(UsageError) as caught:
            async with make(budget).session(**given):
                raise AssertionError("it doesn't begin")
        assert caught.value.message.startswith(message)

    asyncio.run(main())


def test_without_a_store_no_call_begins(make: Make, tmp_path: Path) -> None:
    (tmp_path / "costs-budget.db").mkdir()

    async def main() -> None:
        with pytest.raises(SetupError, match=r"the budget store .* can't be used"):
            async with make("{day_usd: 1}").session():
                raise AssertionError("it doesn't begin")

    asyncio.run(main())


def test_what_has_no_price_cannot_be_kept_to_a_budget(tmp_path: Path) -> None:
    path = tmp_path / "pipeline.yaml"
    path.write_text(
        "voicepipe: 1\nstages: {vad: energy, stt: sim, llm: sim, tts: sim}\n"
        "cost: {budget: {session_usd: 1}}\n"
    )

    async def main() -> None:
        with pytest.raises(ConfigErrors) as caught:
            await Pipeline.from_yaml(path).start()
        assert len(caught.value.errors) == 3
        assert str(caught.value).startswith(f"{path}:2:")

    asyncio.run(main())


# ── the command line ─────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def typed(tmp_path: Path) -> Callable[..., list[str]]:
    def made(budget: str, *lines: str) -> list[str]:
        path = tmp_path / "pipeline.yaml"
        path.write_text(FILE.format(0, budget))
        text = [part for line in lines for part in ("--text", line)]
        return ["run", str(path), "--clock", "simulated", *text]

    return made


def test_a_call_that_its_budget_ended_has_the_exit_status_4(
    typed: Callable[..., list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert voicepipe(typed("{session_usd: 0.30}", "one", "two")) == 4
    err = capsys.readouterr().err
    assert "0.23 of 0.30 USD are spent" not in err
    assert "the call was ended by its budget: session, 0.3 USD" in err


def test_so_has_one_that_is_refused(
    typed: Callable[..., list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    command = typed("{day_usd: 0}", "one")
    command.remove("--clock")
    command.remove("simulated")
    assert voicepipe(command) == 4
    assert "the budget of 0 USD (day 20" in capsys.readouterr().err


def test_so_has_one_that_its_longest_time_ended(typed: Callable[..., list[str]]) -> None:
    assert voicepipe(typed("{max_call: 3s}", "one", "two", "three", "four", "five")) == 4


def test_one_that_goes_on_with_less_has_not(typed: Callable[..., list[str]]) -> None:
    assert voicepipe(typed("{session_usd: 9, max_call: 5m}", "one")) == 0


def test_the_command_line_says_whose_call_it_is(
    typed: Callable[..., list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    command = typed("{groups: {team: {day_usd: 1}}}", "one")
    assert voicepipe([*command, "--user", "ann", "--group", "team=sales"]) == 0
    assert voicepipe([*command, "--group", "tam=sales"]) == 2
    assert "there is no group 'tam'. Did you mean 'team'?" in capsys.readouterr().err
    assert voicepipe([*command, "--group", "team"]) == 2
    assert "--group team: expected NAME=VALUE" in capsys.readouterr().err
