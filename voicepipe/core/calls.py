"""What a provider may use: the host while it starts, and a ``Call`` during one request."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from voicepipe.core.clock import Clock
from voicepipe.core.records import UsageUnit

T = TypeVar("T")
R = TypeVar("R")
Item = TypeVar("Item", contravariant=True)
Result = TypeVar("Result", covariant=True)
NO_SESSION = ""
"""The ``Call.session`` of a request that is made for no session, before any begins."""

Emit = Callable[[T], bool]
"""Hands an item over from a worker; False means that nobody listens any more, so stop."""


class Batcher(Protocol, Generic[Item, Result]):
    """Collects what waits while the model is busy, and gives it to the model in one piece."""

    async def submit(self, item: Item) -> Result: ...


class Workers(Protocol):
    """All blocking work. On a virtual clock jobs run inline, and ``cost_ns`` is what they take there."""

    async def call(self, fn: Callable[[], T], *, deadline_ns: int | None = None, cost_ns: int = 0) -> T:
        """Run ``fn`` in a worker. Past the deadline it is abandoned and ``TimeoutError`` raised."""
        ...

    def stream(self, fn: Callable[[Emit[T]], None]) -> AsyncGenerator[T, None]:
        """Run ``fn(emit)`` in a worker and yield what it emits, as it comes; bounded.

        Read it under ``contextlib.aclosing``: closing it makes ``emit`` return False.
        """
        ...

    def batcher(self, fn: Callable[[Sequence[T]], Sequence[R]], *, max_batch: int) -> Batcher[T, R]:
        """A drain batcher: whenever ``fn`` is free it gets all that waits, at most ``max_batch``."""
        ...


@dataclass(frozen=True, slots=True)
class Host:
    """What a provider's instance lives in. One instance serves all sessions of a process."""

    workers: Workers
    language: str
    """BCP 47, as in the pipeline's ``agent.language``: ``en-US``."""
    voice: str | None = None
    """The portable ``agent.voice`` for this provider, where the pipeline names one."""
    env: Mapping[str, str] = field(default_factory=lambda: os.environ)
    """Where well-known keys are looked up: the process's environment, and the ``.env`` beside the file."""
    progress: Callable[[str], None] = lambda message: None
    """Tells a waiting person what takes long (loading, downloading)."""


class Ration(Protocol):
    """What a budget allows a request whose length nobody knows before."""

    allowed_ms: int
    """Of audio, from the beginning of the request."""

    async def allow(self, heard_ms: int) -> None:
        """To be called before audio is sent beyond ``allowed_ms``. Raises ``BudgetError``."""
        ...


@dataclass(slots=True)
class Call:
    """One request to a provider, on behalf of ``session``; the provider puts its usage here.

    The wrapper around the call reads ``usage`` in a ``finally``, since a generator that was cancelled
    can't yield any more.
    """

    session: str
    turn: int | None
    clock: Clock
    workers: Workers
    captions: list[str] = field(default_factory=list)
    """The captions of the audio so far, for an ``SttProvider`` with ``captions``: scripted callers."""
    usage: dict[tuple[UsageUnit, bool], int] = field(default_factory=dict)
    model: str | None = None
    """The model that ``usage`` is of, where it isn't the provider's own."""
    ration: Ration | None = None
    """What of its audio may be sent, for whoever hands it to the provider; None: all."""

    def add_usage(self, unit: UsageUnit, amount: int, *, estimated: bool = False) -> None:
        key = (unit, estimated)
        self.usage[key] = self.usage.get(key, 0) + amount

    def set_usage(self, unit: UsageUnit, amount: int, *, estimated: bool = False) -> None:
        """What the vendor reports in the end replaces what was estimated until then."""
        self.usage.pop((unit, True), None)
        self.usage.pop((unit, False), None)
        self.usage[unit, estimated] = amount
