from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from tests.config.fakes import load, one, problems
from voicepipe.config.budget import BudgetConfig, Step
from voicepipe.core.units import SECOND

FILE = """\
voicepipe: 1
stages: {{stt: whisper}}
cost:
  ledger: costs.db
  budget: {}
"""


def of(folder: Path, budget: str) -> BudgetConfig:
    found = load(folder, FILE.format(budget)).cost.budget
    assert found is not None
    return found


def test_the_example_of_the_design_is_taken_with_all_its_digits(tmp_path: Path) -> None:
    text = "{session_usd: 0.40, user_day_usd: 5, day_usd: 50, month_usd: 900, alert_at: 80%, then: [hang_up]}"
    budget = of(tmp_path, text)
    assert (budget.session_usd, budget.month_usd, budget.alert_share) == (Decimal("0.40"), 900, 8000)
    assert budget.shared == ("user_day_usd", "day_usd", "month_usd")
    assert budget.steps == (Step(end="hang_up"),)


def test_without_a_word_of_it_the_call_is_hung_up_and_alerts_come_at_80_percent(tmp_path: Path) -> None:
    budget = of(tmp_path, "{session_usd: 1}")
    assert (budget.steps, budget.alert_share, budget.max_call) == ((Step(end="hang_up"),), 8000, None)
    assert budget.counts_money
    assert not budget.shared


def test_a_longest_time_is_a_budget_that_counts_no_money(tmp_path: Path) -> None:
    budget = of(tmp_path, "{max_call: 30m}")
    assert budget.max_call == 1800 * SECOND
    assert not budget.counts_money


def test_steps_are_taken_in_one_grammar(tmp_path: Path) -> None:
    budget = of(tmp_path, '{session_usd: 1, then: [{say: " Good bye. "}, deny]}')
    assert budget.steps == (Step(say="Good bye."), Step(end="deny"))
    assert budget.goodbye == "Good bye."


def test_the_store_lies_beside_the_ledger_if_nothing_else_is_said(tmp_path: Path) -> None:
    budget = of(tmp_path, "{day_usd: 1}")
    assert budget.store_beside(tmp_path / "costs.db") == tmp_path / "costs-budget.db"
    named = of(tmp_path, "{day_usd: 1, store: ./other.db}")
    assert named.store_beside(tmp_path / "costs.db") == tmp_path / "other.db"
    assert budget.store_beside(None) is None


@pytest.mark.parametrize(
    ("budget", "place", "message"),
    [
        (
            "{session_usd: -1}",
            "5:25",
            "expected an amount in USD from 0 to 1000000, such as 0.0043, found '-1'",
        ),
        (
            "{day_usd: a lot}",
            "5:21",
            "expected an amount in USD from 0 to 1000000, such as 0.0043, found 'a lot'",
        ),
        (
            "{day_usd: .inf}",
            "5:21",
            "expected an amount in USD from 0 to 1000000, such as 0.0043, found 'inf'",
        ),
        (
            "{day_usd: 1, alert_at: 180%}",
            "5:34",
            "expected a share such as 80%, of at most 100%, found '180%'",
        ),
        ("{day_usd: 1, alert_at: 80}", "5:34", "expected a share such as 80%, of at most 100%, found '80'"),
        ("{day_usd: 1, alert_at: 0%}", "5:34", "expected a share such as 80%, of at most 100%, found '0%'"),
        ("{}", "5:11", "a budget needs a limit, such as session_usd, day_usd or max_call"),
        ("{day_usd: 1, then: []}", "5:30", "expected at least 1 entry, found 0"),
        (
            "{day_usd: 1, then: [hangup]}",
            "5:31",
            "expected {say: TEXT}, {profile: NAME}, hang_up or deny, found 'hangup'. Did you mean 'hang_up'?",
        ),
        (
            "{day_usd: 1, then: [{transfer: boss}]}",
            "5:31",
            "expected {say: TEXT}, {profile: NAME}, hang_up or deny, found a map with transfer",
        ),
        ("{day_usd: 1, then: [[hang_up]]}", "5:31", "expected {say: TEXT}, {profile: NAME}, hang_up or deny"),
        (
            "{day_usd: 1, then: [deny, {say: Bye}]}",
            "5:11",
            "nothing can come after 'deny', found more in 'then'",
        ),
        (
            "{day_usd: 1, then: [{say: Bye}, {say: Bye}]}",
            "5:11",
            "what is said in 'then' is the last thing before hang_up or deny, found more",
        ),
        (
            '{day_usd: 1, then: [{say: "Bye {{name}}"}]}',
            "5:31",
            "what is said at the limit is the same in every call: it can't insert a variable",
        ),
        (
            "{day_usd: 1, then: [{say: '...'}]}",
            "5:31",
            "'say': expected words, at most 300 characters of them",
        ),
        ("{max_call: 30}", "5:22", "a duration needs a unit: 30 could be '30ms' or '30s'"),
        ("{max_call: 1ms}", "5:22", "expected at least 1s, found '1ms'"),
        ("{groups: {team: {}}}", "5:27", "a group needs 'day_usd' or 'month_usd'"),
        ("{groups: {'a b': {day_usd: 1}}}", "5:21", "'a b' can't be a name here"),
        ("{sesion_usd: 1}", "5:12", "unknown key 'sesion_usd'. Did you mean 'session_usd'?"),
        (
            '{user_day_usd: 1, user: "{{caler}}"}',
            "5:35",
            "'{{caler}}' names no variable.",
        ),
        (
            '{groups: {team: {day_usd: 1, name: "{{team}}"}}}',
            "5:46",
            "'{{team}}' names no variable.",
        ),
    ],
)
def test_what_makes_no_sense_is_an_error_at_its_place(
    tmp_path: Path, budget: str, place: str, message: str
) -> None:
    error = one(problems(tmp_path, FILE.format(budget)))
    assert error.message == message
    assert f"{error.line}:{error.column}" == place


@pytest.mark.parametrize(
    "limit", ["user_day_usd: 1", "day_usd: 1", "month_usd: 1", "groups: {a: {day_usd: 1}}"]
)
def test_what_calls_share_has_to_be_counted_somewhere(tmp_path: Path, limit: str) -> None:
    text = f"voicepipe: 1\nstages: {{stt: whisper}}\ncost:\n  budget: {{{limit}}}\n"
    error = one(problems(tmp_path, text))
    name = limit.partition(":")[0]
    assert error.message == (
        f"budget.{name} needs a place where calls are counted: set 'ledger' or 'budget.store'"
    )
    assert error.line == 4


def test_a_call_alone_needs_no_place(tmp_path: Path) -> None:
    text = "voicepipe: 1\nstages: {stt: whisper}\ncost: {budget: {session_usd: 1, max_call: 5m}}\n"
    assert load(tmp_path, text).cost.budget is not None
