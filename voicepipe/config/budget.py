"""What ``cost.budget`` may say: how much calls may cost and how long they may last, and what happens then."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator, StringConstraints, WithJsonSchema, model_validator

from voicepipe.config.tool_models import Model
from voicepipe.core.names import did_you_mean
from voicepipe.core.units import SECOND, ConfigPath, Duration, Usd
from voicepipe.speech.chunker import has_words

LONGEST_SENTENCE = 300
"""Characters of what is said before a call is ended: about twenty seconds."""

BASIS = 10_000
"""Hundredths of a percent in the whole."""

ALERT_AT = 8000
"""Hundredths of a percent, where the file says nothing."""

BESIDE = "-budget.db"
"""What the name of the store has in place of the ledger's ending."""

Ending = Literal["hang_up", "deny"]
ENDINGS: tuple[Ending, ...] = ("hang_up", "deny")


def share(value: Any) -> int:
    """``80%`` → 8000, in hundredths of a percent. A ``ValueError`` says what is wrong."""
    number, percent, rest = str(value).strip().partition("%")
    try:
        found = Decimal(number.strip()) * 100
    except InvalidOperation:
        found = Decimal(0)
    if not percent or rest or not found.is_finite() or not 0 < found <= BASIS or found != int(found):
        raise ValueError(f"expected a share such as 80%, of at most 100%, found '{value}'")
    return int(found)


Share = Annotated[int, PlainValidator(share), WithJsonSchema({"type": "string", "pattern": r"^[0-9.]+ *%$"})]


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that is done at the limit; exactly one of them is given."""

    say: str | None = None
    profile: str | None = None
    end: Ending | None = None


HANG_UP = Step(end="hang_up")


def step(value: Any) -> Step:
    """``{say: …}``, ``{profile: …}``, ``hang_up`` or ``deny``. A ``ValueError`` says what is wrong."""
    if isinstance(value, str) and value in ENDINGS:
        return Step(end="hang_up" if value == "hang_up" else "deny")
    if isinstance(value, Mapping) and len(value) == 1:
        (key, text), *_ = value.items()
        if key == "say" and isinstance(text, str):
            return Step(say=_sentence(text))
        if key == "profile" and isinstance(text, str) and text:
            return Step(profile=text)
    expected = "{say: TEXT}, {profile: NAME}, hang_up or deny"
    if isinstance(value, str):
        raise ValueError(f"expected {expected}, found '{value}'.{did_you_mean(value, ENDINGS)}")
    if isinstance(value, Mapping):
        raise ValueError(f"expected {expected}, found a map with {', '.join(map(str, value)) or 'nothing'}")
    raise ValueError(f"expected {expected}")


def _sentence(text: str) -> str:
    text = text.strip()
    if "{{" in text:
        raise ValueError("what is said at the limit is the same in every call: it can't insert a variable")
    if not has_words(text) or len(text) > LONGEST_SENTENCE:
        raise ValueError(f"'say': expected words, at most {LONGEST_SENTENCE} characters of them")
    return text


_STEP_SCHEMA = {
    "anyOf": [
        {"enum": list(ENDINGS)},
        {
            "type": "object",
            "properties": {"say": {"type": "string"}, "profile": {"type": "string"}},
            "minProperties": 1,
            "maxProperties": 1,
            "additionalProperties": False,
        },
    ]
}
StepOf = Annotated[Step, PlainValidator(step), WithJsonSchema(_STEP_SCHEMA)]
GroupName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_-]{0,63}$")]


class GroupBudget(Model):
    """The limits of each group of one sort: of each team, of each customer."""

    name: str | None = Field(
        None,
        min_length=1,
        max_length=200,
        description="which one a call belongs to; {{name}} inserts a variable. What the call is given wins, "
        "and without either there is one for all calls",
    )
    day_usd: Usd | None = Field(None, description="what its calls may cost in a day")
    month_usd: Usd | None = Field(None, description="what they may cost in a month")

    @model_validator(mode="after")
    def _limits_something(self) -> GroupBudget:
        if self.day_usd is None and self.month_usd is None:
            raise ValueError("a group needs 'day_usd' or 'month_usd'")
        return self


class BudgetConfig(Model):
    """What calls may cost. Days and months are those of UTC."""

    session_usd: Usd | None = Field(None, description="what one call may cost")
    user_day_usd: Usd | None = Field(None, description="what one user's calls may cost in a day")
    day_usd: Usd | None = Field(
        None, description="what all calls that are counted together may cost in a day"
    )
    month_usd: Usd | None = Field(None, description="what they may cost in a month")
    groups: dict[GroupName, GroupBudget] = Field(
        default_factory=dict, description="limits for groups of calls, by the sort of the group"
    )
    user: str | None = Field(
        None,
        min_length=1,
        max_length=200,
        description="whose call it is; {{name}} inserts a variable. What the call is given wins (`--user`)",
    )
    alert_at: Share | None = Field(
        None, description="the share of a budget at which an alert is sent, once for each; 80% if not given"
    )
    then: tuple[StepOf, ...] | None = Field(
        None,
        min_length=1,
        max_length=8,
        description="what happens at the limit, one after the other: `{profile: NAME}` goes on with the "
        "providers of that profile until they meet the limit, too; `{say: TEXT}` is said before `hang_up`; "
        "`deny` refuses new calls. `[hang_up]` if not given",
    )
    max_call: Duration | None = Field(
        None,
        ge=SECOND,
        le=86_400 * SECOND,
        description="how long a call may last, whatever a stage, a provider or a transport does",
    )
    store: ConfigPath | None = Field(
        None,
        description="the database in which the calls of all processes are counted; if not given, beside "
        "`cost.ledger`: `costs-budget.db` for `costs.db`",
    )

    @model_validator(mode="after")
    def _limits_something(self) -> BudgetConfig:
        limits = (self.session_usd, self.user_day_usd, self.day_usd, self.month_usd, self.max_call)
        if not self.groups and all(limit is None for limit in limits):
            raise ValueError("a budget needs a limit, such as session_usd, day_usd or max_call")
        steps = self.steps
        ends = [index for index, one in enumerate(steps) if one.end is not None]
        if ends and ends[0] < len(steps) - 1:
            raise ValueError(f"nothing can come after '{steps[ends[0]].end}', found more in 'then'")
        said = [index for index, one in enumerate(steps) if one.say is not None]
        if said and any(one.end is None for one in steps[said[0] + 1 :]):
            raise ValueError("what is said in 'then' is the last thing before hang_up or deny, found more")
        return self

    @property
    def steps(self) -> tuple[Step, ...]:
        """``then``, also where the file doesn't say it."""
        return (HANG_UP,) if self.then is None else self.then

    @property
    def alert_share(self) -> int:
        """``alert_at``, likewise, in hundredths of a percent."""
        return ALERT_AT if self.alert_at is None else self.alert_at

    @property
    def shared(self) -> tuple[str, ...]:
        """The keys of the limits that calls have in common."""
        keys = ("user_day_usd", "day_usd", "month_usd", "groups")
        return tuple(key for key in keys if getattr(self, key) not in (None, {}))

    @property
    def counts_money(self) -> bool:
        return self.session_usd is not None or bool(self.shared)

    @property
    def goodbye(self) -> str | None:
        """What is said before the call is ended, by whatever limit."""
        return next((one.say for one in self.steps if one.say is not None), None)

    def profiles(self) -> Iterator[tuple[int, str]]:
        """The profiles of ``then``, each with its index there."""
        for index, one in enumerate(self.steps):
            if one.profile is not None:
                yield index, one.profile

    def store_beside(self, ledger: Path | None) -> Path | None:
        """Where the calls of all processes are counted; None if nothing says so."""
        if self.store is not None or ledger is None:
            return self.store
        return store_beside(ledger)


def store_beside(ledger: Path) -> Path:
    """Where budgets are counted if only the ledger is named: ``costs-budget.db`` for ``costs.db``."""
    return ledger.with_name(ledger.stem + BESIDE)
