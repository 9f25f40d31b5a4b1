"""Small requests to providers that had failed, while a call is on: what answers is taken back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import numpy as np

from voicepipe.core.calls import Call, Workers
from voicepipe.core.clock import Clock
from voicepipe.core.frames import FRAME_MS, Pcm
from voicepipe.core.messages import Message, TextDelta, ToolCall
from voicepipe.core.records import Record
from voicepipe.core.units import SECOND
from voicepipe.errors import BudgetError
from voicepipe.providers.base import LlmProvider, Provider, Speech, SttProvider, TtsProvider
from voicepipe.providers.realtime_base import RealtimeProvider
from voicepipe.runtime.guard import Guard
from voicepipe.runtime.lineup import Lineup
from voicepipe.runtime.realtime_voice import RealtimeVoice
from voicepipe.runtime.spender import Spender
from voicepipe.speech.budget import Asks, tokens_of
from voicepipe.stages.base import Deadlines

SILENCE_MS = 200
"""What a recogniser is given. Vendors bill it as a second at most."""

QUESTION = "Say OK."
WORD = "OK."
SENTENCE = "One moment, please."
"""For a model that is to read it out: of a single word nobody could tell whether it was the right one."""


def ask(provider: Provider, call: Call) -> AsyncIterator[Any]:
    """A real request, through the same door as all others, that costs next to nothing."""
    match provider:
        case LlmProvider():
            return provider.generate(call, [Message(role="user", text=QUESTION)], [])
        case TtsProvider():
            return provider.synthesize(call, WORD)
        case SttProvider():
            return provider.transcribe(call, _silence(provider.rate))
        case RealtimeProvider():
            return RealtimeVoice(provider).synthesize(call, SENTENCE)
        case _:
            raise TypeError(f"{provider.kind} providers can't be probed")


def asks(provider: Provider) -> Asks:
    """What that consumes, for a budget."""
    match provider:
        case LlmProvider():
            return Asks(read=tokens_of([Message(role="user", text=QUESTION)]), writes=True)
        case TtsProvider():
            return Asks(speak=WORD)
        case RealtimeProvider():
            return Asks(read=tokens_of([Message(role="user", text=SENTENCE)]), talks=True)
        case _:
            return Asks(hear_ms=1000)


def is_answer(event: Any) -> bool:
    """Whether no more is needed to know that the provider works. A recogniser has to come to its end."""
    return isinstance(event, TextDelta | ToolCall) or (isinstance(event, Speech) and event.pcm.size > 0)


async def _silence(rate: int) -> AsyncIterator[Pcm]:
    for _ in range(SILENCE_MS // FRAME_MS):
        yield np.zeros(rate * FRAME_MS // 1000, np.int16)


class Prober:
    """Of one session; all sessions share the lineups, and of those only one probes a provider at a time."""

    def __init__(
        self,
        lineups: Mapping[str, Lineup],
        *,
        session: str,
        clock: Clock,
        workers: Workers,
        record: Callable[[Record], None],
        spender: Spender | None = None,
    ) -> None:
        self._spender = spender
        self._lineups = {slot: lineup for slot, lineup in lineups.items() if len(lineup.providers) > 1}
        self._session = session
        self._clock = clock
        self._workers = workers
        self._record = record
        self._news = asyncio.Event()

    async def run(self) -> None:
        """As long as there are fallbacks, and money for it. To be cancelled at the end of the call."""
        news = self._news
        for lineup in self._lineups.values():
            lineup.subscribe(news)
        try:
            while self._lineups:
                news.clear()
                await self._next()
        finally:
            for lineup in self._lineups.values():
                lineup.unsubscribe(news)

    async def _next(self) -> None:
        """Make the probe that is due, or wait until one is, or there is news."""
        news = self._news
        due = min(
            (
                (probe[0] - lineup.clock.now(), slot, probe[1])
                for slot, lineup in self._lineups.items()
                if (probe := lineup.health.next_probe()) is not None
            ),
            default=None,
        )
        if due is None:
            await news.wait()
            return
        wait_ns, slot, index = due
        if wait_ns <= 0:
            await self._probe(slot, self._lineups[slot], index)
            return
        timer = self._clock.call_at(self._clock.now() + wait_ns, news.set)
        try:
            await news.wait()
        finally:
            timer.cancel()

    async def _probe(self, slot: str, lineup: Lineup, index: int) -> None:
        lineup.begin_probe(index)
        asked = lineup.clock.now()
        try:
            await self._try(slot, lineup, index)
        except BudgetError:
            del self._lineups[slot]  # nothing was found out: it is left to calls that can pay for it
            lineup.unsubscribe(self._news)
        # Whatever is wrong with it, nobody waits for it: the call goes on with the one that works.
        except Exception as error:
            lineup.mark_failed(index, str(error) or type(error).__name__)
        else:
            lineup.restore(index, asked=asked)
        finally:
            lineup.end_probe(index)

    async def _try(self, slot: str, lineup: Lineup, index: int) -> None:
        provider, deadlines = lineup.providers[index], lineup.deadlines(alternative=True)
        if index in lineup.unstarted:
            async with asyncio.timeout(deadlines.total / SECOND):
                await provider.start()
            lineup.unstarted.discard(index)
        ticket = None
        if self._spender is not None:
            ticket = await self._spender.reserve(slot, provider, asks(provider), total_ns=deadlines.total)
        try:
            await self._ask(slot, provider, deadlines)
        finally:
            if ticket is not None:
                ticket.close()

    async def _ask(self, slot: str, provider: Provider, deadlines: Deadlines) -> None:
        async with Guard(
            lambda call: ask(provider, call),
            Call(session=self._session, turn=None, clock=self._clock, workers=self._workers),
            slot=slot,
            provider=provider.name,
            model=getattr(provider.config, "model", None),
            deadlines=deadlines,
            armed=True,
            record=self._record,
            probe=True,
        ) as events:
            async for event in events:
                if is_answer(event):
                    break
