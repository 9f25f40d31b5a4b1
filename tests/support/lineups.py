"""Providers that fail in every way, as a lineup and as calls of it, on a virtual clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

from tests.support.stages import Bench, FakeLlm
from voicepipe.core.calls import Call
from voicepipe.core.clock import Clock
from voicepipe.core.messages import Message, TextDelta, ToolCall, ToolOffer
from voicepipe.core.records import ProviderAttempt, ProviderSwitched
from voicepipe.core.retries import RetryLimits
from voicepipe.core.units import MS
from voicepipe.errors import ProviderError, ProviderErrorKind
from voicepipe.runtime.lineup import Lineup
from voicepipe.stages.base import Agent, Deadlines
from voicepipe.stages.llm import Llm, LlmConfig

HANG = "hang"
"""In a script: gives nothing more, for ever."""


def failure(
    kind: ProviderErrorKind = "connection", *, retryable: bool = True, retry_after_ns: int | None = None
) -> ProviderError:
    return ProviderError(
        f"it failed ({kind})",
        provider="x",
        kind=kind,
        retryable=retryable,
        retry_after_ns=retry_after_ns,
    )


Step = str | ProviderError | ToolCall


class Scripted(FakeLlm):
    """Does in each call what the next of ``scripts`` says, 10 ms a step; without one left it says its name.

    ``cleanup``: how long it takes to be closed, in nanoseconds.
    """

    def __init__(self, name: str, *scripts: Sequence[Step], cleanup: int = 0) -> None:
        super().__init__(self._play)
        self.name = name  # type: ignore[misc]  # one class for all of a lineup
        self._scripts = list(scripts)
        self._cleanup = cleanup
        self.begun_ns: list[int] = []
        self.asked: list[list[Message]] = []
        self.open = 0

    async def _play(
        self, call: Call, messages: Sequence[Message], tools: Sequence[ToolOffer]
    ) -> AsyncIterator[TextDelta | ToolCall]:
        self.begun_ns.append(call.clock.now())
        self.asked.append(list(messages))
        call.add_usage("requests", 1)
        self.open += 1
        try:
            for step in self._scripts.pop(0) if self._scripts else [self.name]:
                await call.clock.sleep(10 * MS)
                if step == HANG:
                    await asyncio.Event().wait()
                if isinstance(step, ProviderError):
                    raise step
                yield step if isinstance(step, ToolCall) else TextDelta(text=step)
        finally:
            self.open -= 1
            if self._cleanup:
                await call.clock.sleep(self._cleanup)


class Calls:
    """Calls of ``providers`` through a stage's context, and what became of them."""

    def __init__(
        self, *providers: Scripted, timeout: Deadlines | None = None, attempts: int = 3, budget: float = 0.2
    ) -> None:
        clock = Clock()
        limits = RetryLimits(attempts=attempts, budget=budget)
        self.lineup = Lineup(providers, clock=clock, deadlines=timeout, limits=limits)
        self.bench = Bench(Llm(LlmConfig(), providers[0], Agent()), clock=clock, lineup=self.lineup)
        self.clock = clock

    async def ask(self, *, turn: int | None = None, used: Any = None) -> str:
        """One call to its end; the words it gave, and those alone of its last attempt."""
        words: list[str] = []

        def begin(provider: Any, call: Call) -> AsyncIterator[Any]:
            words.clear()
            return provider.generate(call, [], [])  # type: ignore[no-any-return]

        async with self.bench.context.provider_call(begin, turn=turn, used=used) as events:
            async for event in events:
                words.append(event.text)
        return "".join(words)

    @property
    def attempts(self) -> list[tuple[str, int, str]]:
        """Who was asked, the how manieth time in its call, and what became of it."""
        return [(one.provider, one.number, one.status) for one in self.bench.of(ProviderAttempt)]

    @property
    def switches(self) -> list[tuple[str, str, str]]:
        return [(one.previous, one.provider, one.reason) for one in self.bench.of(ProviderSwitched)]

    def reported(self) -> list[str]:
        return [type(report).__name__ for report in self.bench.reports]
