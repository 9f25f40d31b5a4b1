"""``cost.budget`` of the file → what one call has to keep to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

from voicepipe.config.budget import BudgetConfig
from voicepipe.config.load import LoadedPipeline
from voicepipe.config.variables import insert
from voicepipe.core.calls import Workers
from voicepipe.core.names import did_you_mean
from voicepipe.core.records import BudgetAlert
from voicepipe.errors import ConfigErrors, UsageError
from voicepipe.observe.alerts import Alert, Alerts
from voicepipe.observe.budget_book import Account, BudgetBook
from voicepipe.observe.price_book import PriceBook
from voicepipe.observe.worst_case import WorstCase
from voicepipe.runtime.budget import Budget, Shared
from voicepipe.runtime.engines import Engines
from voicepipe.runtime.farewell import GOODBYE
from voicepipe.runtime.session import Session
from voicepipe.runtime.spender import Spender
from voicepipe.speech.pricing import PICO

SESSION = "session"


@dataclass(frozen=True, slots=True)
class WhoseCall:
    """For whom a call's money is counted, as the call was told; ``values`` are those of its variables."""

    user: str | None = None
    groups: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)


def check_prices(loaded: LoadedPipeline, prices: PriceBook) -> None:
    """Raises ``ConfigErrors`` for every provider whose requests a budget couldn't be kept for."""
    budget = loaded.cost.budget
    if budget is None or not budget.counts_money:
        return
    worst, pipelines = WorstCase(prices), (loaded, *loaded.cheaper.values())
    problems = [problem for pipeline in pipelines for problem in worst.problems(pipeline)]
    if problems:
        raise ConfigErrors(list({str(problem): problem for problem in problems}.values()))


def goodbye(loaded: LoadedPipeline) -> dict[str, str]:
    """What is to be spoken at the start, by the notice's name."""
    budget = loaded.cost.budget
    return {} if budget is None or budget.goodbye is None else {GOODBYE: budget.goodbye}


def limit(
    session: Session,
    loaded: LoadedPipeline,
    whose: WhoseCall,
    *,
    prices: PriceBook,
    engines: Engines,
    workers: Workers,
    alerts: Alerts,
) -> Spender | None:
    """Have ``session`` keep to the budget of the file. None if that doesn't count money.

    On a virtual clock nothing that is spent is real: then all limits are those of the one call, and nothing
    is written down. Raises ``UsageError`` if it isn't known whose call it is.
    """
    config = loaded.cost.budget
    if config is None:
        return None
    spender = None
    if config.counts_money:
        virtual = session.clock.virtual
        scopes = list(_scopes(config, whose, anybody=virtual))
        store = config.store_beside(loaded.cost.ledger)
        shared = None
        if scopes and not virtual:
            assert store is not None, "the file was checked"
            book = BudgetBook(store, alert_at=config.alert_share)
            shared = Shared(book, lambda now: tuple(scope.account(now) for scope in scopes), _now)
        local = [Account(SESSION, _pico(config.session_usd))] if config.session_usd is not None else []
        if virtual:
            local += [scope.account(_now()) for scope in scopes]
        budget = Budget(
            prices,
            limits=local,
            shared=shared,
            alert_at=config.alert_share,
            clock=session.clock,
            workers=workers,
            record=session.record,
            tell=lambda alert: _tell(alerts, alert, session.name),
            strict=not virtual,
        )
        spender = Spender(
            budget,
            config.steps,
            engines.cheaper,
            clock=session.clock,
            record=session.record,
            part=session.part,
        )
    session.limit(spender, config.max_call)
    return spender


@dataclass(frozen=True, slots=True)
class _Scope:
    """What is limited for ``period``; ``whose`` is empty for all calls."""

    whose: str
    period: str
    limit: int

    def account(self, now: datetime) -> Account:
        day = now.strftime("%Y-%m-%d" if self.period == "day" else "%Y-%m")
        name = f"{self.period} {day}"
        return Account(f"{self.whose}, {name}" if self.whose else name, self.limit)


def _scopes(config: BudgetConfig, whose: WhoseCall, *, anybody: bool) -> Iterator[_Scope]:
    if config.user_day_usd is not None:
        user = _named(config.user, whose.user, whose.values)
        if user is None and not anybody:
            raise UsageError(
                "cost.budget.user_day_usd needs to know whose call it is",
                hint="give --user, session(user=…), or a variable in cost.budget.user that has a value",
            )
        yield _Scope(f"user {user or 'nobody'}", "day", _pico(config.user_day_usd))
    if config.day_usd is not None:
        yield _Scope("", "day", _pico(config.day_usd))
    if config.month_usd is not None:
        yield _Scope("", "month", _pico(config.month_usd))
    for sort in whose.groups:
        if sort not in config.groups:
            known = ", ".join(config.groups) or "none"
            message = f"there is no group '{sort}'.{did_you_mean(sort, config.groups)}"
            raise UsageError(message, hint=f"declared in cost.budget.groups: {known}")
    for sort, group in config.groups.items():
        name = _named(group.name, whose.groups.get(sort), whose.values)
        if name is None and group.name is not None and not anybody:
            raise UsageError(
                f"cost.budget.groups.{sort} needs to know which {sort} the call belongs to",
                hint=f"give --group {sort}=NAME, session(groups=…), or a variable that has a value",
            )
        scope = f"group {sort}" if name is None else f"group {sort} {name}"
        for period, usd in (("day", group.day_usd), ("month", group.month_usd)):
            if usd is not None:
                yield _Scope(scope, period, _pico(usd))


def _named(template: str | None, given: str | None, values: Mapping[str, str]) -> str | None:
    found = given if given is not None else insert(template, values) if template is not None else ""
    return found.strip()[:200] or None


def _pico(usd: Decimal) -> int:
    return int(usd * PICO)


def _tell(alerts: Alerts, alert: BudgetAlert, session: str) -> None:
    spent, most = alert.spent_usd, alert.limit_usd
    text = f"{spent:.2f} of {most:.2f} USD are spent of the budget '{alert.budget}'"
    data = {"budget": alert.budget, "spent_usd": spent, "limit_usd": most, "session": session}
    alerts.tell(Alert("budget_nearly_spent", text, data))


def _now() -> datetime:
    return datetime.now(UTC)
