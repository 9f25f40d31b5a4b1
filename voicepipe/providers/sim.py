"""What the ``sim`` providers share: scripted stand-ins for tests, for wiring and for time, not intelligence.

They run on any clock and answer the same each time: chance comes from ``seed``, from which session this is
(in the order of their first calls) and from which call of the session.
"""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict
from collections.abc import Mapping
from random import Random
from statistics import NormalDist
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from voicepipe.core.calls import NO_SESSION, Call
from voicepipe.core.units import DURATION_PATTERN, Duration, parse_duration
from voicepipe.errors import ProviderError, ProviderErrorKind
from voicepipe.providers.base import ProviderConfig

_Z99: Final = NormalDist().inv_cdf(0.99)

MAX_SESSIONS = 4096
"""Sessions that are remembered; nobody tells a provider that one has ended."""

_RETRYABLE: dict[ProviderErrorKind, tuple[bool, int | None]] = {
    "connection": (True, None),
    "timeout": (True, None),
    "rate_limit": (True, 429),
    "authentication": (False, 401),
    "bad_request": (False, 400),
    "protocol": (False, None),
    "server": (True, 500),
    "internal": (False, None),
}
"""Whether the same request may succeed later, and the HTTP status that vendors send with it."""


class Spread(BaseModel):
    """A latency: the log-normal distribution with this median and this 99th percentile."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    p50: Duration = Field(description="the median")
    p99: Duration = Field(description="what one in a hundred exceeds")

    @model_validator(mode="after")
    def _in_order(self) -> Spread:
        if self.p99 < self.p50:
            raise ValueError("p99 must not be less than p50")
        if self.p50 == 0 < self.p99:
            raise ValueError("p50 must be more than 0 where p99 is")
        return self

    def sample(self, chance: Random) -> int:
        """In nanoseconds. Takes one number from ``chance``, also where the latency is constant."""
        z = chance.gauss(0, 1)
        if self.p99 == self.p50:
            return self.p50
        return round(self.p50 * math.exp(z * math.log(self.p99 / self.p50) / _Z99))


def _spread(value: Any) -> Any:
    if isinstance(value, Mapping | Spread):
        return value
    parse_duration(value)  # for its error
    return {"p50": value, "p99": value}


Latency = Annotated[
    Spread,
    BeforeValidator(_spread),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": DURATION_PATTERN}, Spread.model_json_schema()]}),
]
"""``80ms``, or ``{p50: 80ms, p99: 300ms}``."""


def constant(duration: str) -> Spread:
    """A latency that is always the same, as a field's default."""
    return Spread.model_validate({"p50": duration, "p99": duration})


class Failure(BaseModel):
    """Calls that fail: those numbered in ``on``, and a share ``rate`` of them; all, if neither is given."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: ProviderErrorKind | Literal["hang"] = Field(description="an error, or to stop answering")
    on: tuple[Annotated[int, Field(ge=1)], ...] = Field((), description="calls of a session, from 1")
    rate: float | None = Field(None, ge=0, le=1, description="the share of calls that fail by chance")
    after: int = Field(0, ge=0, description="events that are given before")

    def strikes(self, number: int, chance: Random) -> bool:
        drawn = chance.random()
        if self.rate is None and not self.on:
            return True
        return number in self.on or drawn < (self.rate or 0)


class SimConfig(ProviderConfig):
    seed: int = Field(0, description="Another seed gives other latencies and failures.")
    fail: Failure | None = Field(None, description="Which calls fail, and how.")


class Script:
    """Counts the calls of each session, and gives each its own chance.

    What is asked for no session neither fails nor counts: the script is that of the calls that are held.
    """

    def __init__(self, provider: str, config: SimConfig) -> None:
        self._provider = provider
        self._config = config
        self._calls: OrderedDict[str, tuple[int, int]] = OrderedDict()
        self._sessions = 0

    def begin(self, call: Call) -> Run:
        scripted = call.session != NO_SESSION
        session, number = self._calls.pop(call.session, (self._sessions if scripted else -1, 0))
        self._sessions += scripted and number == 0
        number += 1
        self._calls[call.session] = session, number
        if len(self._calls) > MAX_SESSIONS:
            self._calls.popitem(last=False)
        seed = f"{self._config.seed}/{self._provider}/{session}/{number}"
        chance = Random(seed)  # noqa: S311 - latencies, not secrets
        return Run(self._provider, call, number, chance, self._config.fail if scripted else None)


class Run:
    """One call. ``number`` counts the calls of its session from 1."""

    def __init__(
        self, provider: str, call: Call, number: int, chance: Random, failure: Failure | None
    ) -> None:
        self.number = number
        self._provider = provider
        self._call = call
        self._chance = chance
        self._failure = failure if failure is not None and failure.strikes(number, chance) else None
        self._events = 0

    async def wait(self, latency: Spread) -> None:
        await self._call.clock.sleep(latency.sample(self._chance))

    async def event(self) -> None:
        """To be awaited before each event, and once after the last: here a call fails, if it has to."""
        failure = self._failure
        if failure is None or self._events < failure.after:
            self._events += 1
            return
        if failure.kind == "hang":
            await asyncio.Event().wait()
        assert failure.kind != "hang"
        retryable, status = _RETRYABLE[failure.kind]
        raise ProviderError(
            f"call {self.number} of the session fails, as its script says ({failure.kind})",
            provider=self._provider,
            kind=failure.kind,
            retryable=retryable,
            status=status,
        )
