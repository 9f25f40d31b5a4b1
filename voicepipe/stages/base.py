"""What a stage is: ``async def run(self, ctx, inbox: Inbox[A | B], out: Outlet[C | D])``.

A stage speaks frames and knows no vendor. Its ports are the annotations of ``run``. A slot's keys in the
pipeline file are the stage's (``Config`` here) or its provider's (``Provider.Config``).

The class is registered under the entry-point group ``voicepipe.stages`` by its kind, ours and yours alike.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Protocol, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from voicepipe.core.calls import Call, Workers
from voicepipe.core.clock import Clock
from voicepipe.core.frames import Control, Frame, StreamFrame, Upward
from voicepipe.core.inbox import CAPACITY, Inbox, Outlet
from voicepipe.core.messages import Message, ToolCall, ToolOffer
from voicepipe.core.ports import Ports, ports_of
from voicepipe.core.records import Record
from voicepipe.core.retries import RetryLimits
from voicepipe.core.turns import Turn, Turns
from voicepipe.core.units import MS, SECOND, Duration
from voicepipe.providers.base import ProviderKind
from voicepipe.speech.budget import Asks
from voicepipe.speech.conversation import Conversation

E = TypeVar("E")
E_co = TypeVar("E_co", covariant=True)


class GuardedCall(Protocol[E_co]):
    """The events of one provider call, with deadlines, accounting and cancellation around it."""

    @property
    def call(self) -> Call:
        """That of the latest attempt."""
        ...

    def __aiter__(self) -> AsyncIterator[E_co]: ...

    def arm(self) -> None:
        """It is the provider's turn to work: the deadlines run from now on."""
        ...

    def disarm(self) -> None:
        """The provider waits for its input, for which it can't help: the deadlines stand still."""
        ...


SayMeanwhile = Callable[[str], Awaitable[None]]
"""Has words said while a tool runs; they aren't a part of the reply."""


LONGEST_REACH = 2 * SECOND
"""The most of `StageContext.onset_reach` with our VAD: its longest padding and ``min_speech`` together."""


class ToolRunner(Protocol):
    """Executes the model's tool calls; see ``runtime.tools``."""

    def offers(self) -> Sequence[ToolOffer]:
        """The tools as the model sees them."""
        ...

    async def run(
        self, turn: Turn, calls: Sequence[ToolCall], *, asked_ns: int, say: SayMeanwhile | None = None
    ) -> list[Message]:
        """Execute ``calls`` side by side; one ``tool`` message each, errors included, in their order.

        ``asked_ns`` is the session time at which the model was given the conversation that it answers with
        these calls. ``say`` is awaited at most once, if a call takes its time and has words for that; None:
        the model's own words fill the wait.
        """
        ...


class StageContext(Protocol):
    """One stage's view of its session."""

    session: str
    slot: str
    clock: Clock
    turns: Turns
    workers: Workers
    conversation: Conversation
    tools: ToolRunner
    speculates: bool
    """Whether the slot may work on what may turn out to be waste (``turn.speculate``)."""
    tells: frozenset[type[StreamFrame]]
    """What the stage has to ``report`` of what it could tell of the caller."""
    told: frozenset[type[StreamFrame]]
    """For the turn stage: what another stage tells it in that way."""
    finds_turns: bool
    """Whether the provider decides when the caller's turn is over (``turn.strategy: provider``)."""
    onset_reach: int
    """Nanoseconds of audio that lie between where an utterance begins, padding included, and where whoever
    tells the stage of its onset can know of it; what waits in queues comes on top."""

    def turn(self, turn: int) -> AbstractAsyncContextManager[Turn]:
        """The scope of a turn: its body is cancelled when the turn dies.

        A ``VoicepipeError`` that leaves the body is reported to the turn stage as ``TurnFailed``.
        """
        ...

    def provider_call(
        self,
        begin: Callable[[Any, Call], AsyncIterator[E]],
        *,
        turn: int | None,
        armed: bool = True,
        used: Callable[[], bool] | None = None,
        asks: Callable[[], Asks] = Asks,
    ) -> AbstractAsyncContextManager[GuardedCall[E]]:
        """Call this slot's provider: ``begin(provider, call)`` gives its events.

        ``armed=False`` leaves the deadlines off until ``GuardedCall.arm``: for a call whose input is
        still to come.

        A call that fails is made again as the slot's ``retry`` and ``fallback`` say: ``begin`` is called once
        more, perhaps with another provider, and has to forget what the call gave before. ``used`` says that
        this is impossible, since some of it was sent on; by default once there was any event.

        ``asks`` tells what the request is about to send and to get, for a budget to hold back what it may
        cost; it is called where there is a budget, before each attempt. Raises ``BudgetError``.
        """
        ...

    def waited_for(self, turn: int | None) -> str | None:
        """The slot whose provider is waited for on behalf of ``turn``, if there is one."""
        ...

    def blame(self, turn: int | None, why: str) -> None:
        """The caller hears nothing of that provider: it has failed, and other calls ask another first."""
        ...

    def report(self, frame: Upward | StreamFrame) -> None:
        """Tell the turn stage: what happened to a reply, or what the stage ``tells`` of the caller."""
        ...

    def broadcast(self, control: Control) -> None:
        """Tell every stage, once each. Only the turn stage does."""
        ...

    def record(self, record: Record) -> None:
        """Write to the call's log."""
        ...


class Deadlines(BaseModel):
    """How long a provider call may take: to its first event, between two events, and in all."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    first: Duration = Field(
        10 * SECOND,
        gt=0,
        description="until the first event; 3s for a provider that a fallback can replace, and at least 10s "
        "for the last one of several",
    )
    gap: Duration = Field(5 * SECOND, gt=0, description="between two events")
    total: Duration = Field(60 * SECOND, gt=0, description="from the beginning to the end")


_NAMES_SCHEMA = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}


def _names(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


class StageConfig(BaseModel):
    """The keys that every slot has."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    from_: Annotated[tuple[str, ...], BeforeValidator(_names), WithJsonSchema(_NAMES_SCHEMA)] = Field(
        (), alias="from", description="the slot, or slots, to take input from where several could give it"
    )


_FALLBACK_SCHEMA = {"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "object"}]}}


class ProviderSlotConfig(StageConfig):
    """The keys of every slot that is filled by a provider."""

    timeout: Deadlines = Field(Deadlines(), description="how long a call of the provider may take")


class Retry(BaseModel):
    """When a request that failed is made again to the same provider. See ``core.retries``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    attempts: int = Field(
        3, ge=1, le=10, description="of one request, the first included; 1: none is retried"
    )
    backoff: Duration = Field(
        200 * MS, gt=0, le=60 * SECOND, description="the first wait; each further one is twice as long"
    )
    max_backoff: Duration = Field(
        2 * SECOND,
        gt=0,
        le=60 * SECOND,
        description="the longest wait; a server that asks for a longer one isn't waited for",
    )
    budget: float = Field(
        0.2, ge=0, le=1, description="the share of all sessions' requests that may be retried, besides ten"
    )

    @property
    def limits(self) -> RetryLimits:
        return RetryLimits(
            attempts=self.attempts,
            backoff_ns=self.backoff,
            max_backoff_ns=self.max_backoff,
            budget=self.budget,
        )


class ReplaceableConfig(ProviderSlotConfig):
    """The keys of every slot whose calls can be made again, and by another provider."""

    retry: Retry = Field(Retry(), description="how a call that failed is made again")
    fallback: Annotated[tuple[dict[str, Any], ...], WithJsonSchema(_FALLBACK_SCHEMA)] = Field(
        (),
        description="the providers that take over, the first that works: `provider/model`, "
        "or a map with `use` and the provider's keys",
    )
    """Read by ``config.slots``, which knows the providers, and empty here."""


@dataclass(frozen=True, slots=True)
class Agent:
    """The engine-neutral part of the pipeline file, with its variables inserted."""

    language: str = "en-US"
    prompt: str = ""
    greeting: str | None = None
    greeting_interruptible: bool = True
    history_turns: int | None = None
    """How many earlier turns the model is told; None: all of them."""


class Stage(ABC):
    """``config`` holds the slot's keys; ``provider`` is the started provider, where the kind has one."""

    kind: ClassVar[str]
    provider_kind: ClassVar[ProviderKind | None] = None
    Config: ClassVar[type[StageConfig]] = StageConfig
    capacity: ClassVar[int] = CAPACITY
    """Data frames that its inbox holds."""
    optional: ClassVar[frozenset[type[Frame]]] = frozenset()
    """Of what ``run`` takes, what it can do without: no stage need give it."""

    def __init__(self, config: Any, provider: Any, agent: Agent) -> None:
        self.config = config
        self.provider = provider
        self.agent = agent

    @classmethod
    def ports(cls, config: StageConfig) -> Ports:
        """What the stage takes and gives under this configuration: the annotations of ``run``, or less."""
        return ports_of(cls.run)

    @classmethod
    def tells(cls, config: Any) -> frozenset[type[StreamFrame]]:
        """What it knows of the caller and tells the turn stage, whose ``UserTurn`` it takes.

        It goes against the stream, by ``StageContext.report``. What it claims is told in any case, the rest
        if no stage gives it (``StageContext.tells``).
        """
        return frozenset()

    @classmethod
    def claims(cls, config: Any) -> frozenset[type[Frame]]:
        """What the stage alone may give: added by a later layer, it displaces the stages that give it.

        By default all that it gives and doesn't take, since a filter stands beside its source.
        """
        ports = cls.ports(config)
        return ports.gives - ports.takes

    @abstractmethod
    async def run(self, ctx: StageContext, inbox: Inbox[Any], out: Outlet[Any]) -> None:
        """Read ``inbox`` to its end. Control frames arrive there, too, ahead of the data."""
