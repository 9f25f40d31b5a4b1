"""How a fused model is asked: one connection, one utterance heard, one reply."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any

from voicepipe.core.calls import Call
from voicepipe.core.messages import ToolCall
from voicepipe.providers.base import Hypothesis
from voicepipe.providers.realtime_base import CallerItem, RealtimeSetup, ReplyAudio, ReplyText
from voicepipe.testing.contract.asking import (
    LONG_S,
    RATES,
    Asking,
    Utterance,
    check_pcm,
    check_words,
    is_audible,
    nothing_said,
    prolonged,
    said_at,
)
from voicepipe.testing.contract.bench import Started
from voicepipe.testing.contract.promise import expect

INSTRUCTIONS = "Be brief."


class Line:
    """``async with Line(…) as connection``: a connection whose events are read all the time."""

    def __init__(self, bench: Started, call: Call, *, speaks: bool = True) -> None:
        setup = RealtimeSetup(instructions=INSTRUCTIONS, tools=bench.subject.tools, speaks=speaks)
        self._context = bench.provider.connect(bench.call(call.session), setup)
        self._reading: asyncio.Future[None] | None = None

    async def __aenter__(self) -> Any:
        connection = await self._context.__aenter__()
        self._reading = asyncio.ensure_future(_read(connection))
        return connection

    async def __aexit__(self, *failure: Any) -> None:
        try:
            await self._context.__aexit__(*failure)
        finally:
            assert self._reading is not None
            await asyncio.wait([self._reading])
            self.lost = self._reading.exception()

    lost: BaseException | None = None
    """What ``events`` raised."""


async def _read(connection: Any) -> None:
    async with aclosing(connection.events()) as events:
        async for _ in events:
            pass  # the suite finds the turns itself


class Conversing(Asking):
    """``realtime``: an utterance in, its words and a reply out."""

    empty = (nothing_said(),)

    def inputs(self, bench: Started) -> Sequence[Utterance]:
        return said_at(bench, bench.provider.rate_in)

    def long(self, bench: Started) -> Utterance:
        return prolonged(self.inputs(bench)[0], LONG_S * bench.provider.rate_in)

    async def ask(self, bench: Started, call: Call, given: Utterance) -> AsyncIterator[Any]:
        line = Line(bench, call)
        async with line as connection:
            async for block in bench.audio(given.pcm, bench.provider.rate_in):
                await connection.append(block)
            async with aclosing(connection.hear(bench.call(call.session))) as heard:
                async for event in heard:
                    yield event
            async with aclosing(connection.respond(call)) as reply:
                async for event in reply:
                    yield event
        expect(line.lost is None, f"{line.lost!r} from events(), although the connection was closed by us")

    def check(self, bench: Started, given: Utterance, events: Sequence[Any]) -> None:
        heard, reply = _parted(events)
        rates = bench.provider.rate_in, bench.provider.rate
        expect(all(rate in RATES for rate in rates), f"rates of {rates!r}, expected 8000 to 48000 Hz")
        item = heard[0] if heard else None
        expect(isinstance(item, CallerItem) and bool(item.item_id), f"{item!r}, expected a CallerItem first")
        words = heard[1:]
        for event in words:
            expect(isinstance(event, Hypothesis), f"{event!r}, which is no Hypothesis")
            check_words(event.words, len(given.pcm) * 1000 / rates[0])
        finals = [event for event in words if event.final]
        expect(len(finals) == 1, f"{len(finals)} final hypotheses in {words}, expected exactly one")
        expect(words[-1].final, f"a hypothesis after the final one: {words[-1]}")
        check_reply(reply, speaks=True)

    def check_empty(self, events: Sequence[Any]) -> None:
        heard, _ = _parted(events)
        final = [event.text for event in heard if isinstance(event, Hypothesis) and event.final]
        expect(final == [""], f"the final texts {final} for no audio at all, expected one that is empty")

    def is_output(self, event: Any) -> bool:
        return isinstance(event, ReplyAudio | ReplyText | ToolCall)

    def gist(self, events: Sequence[Any]) -> tuple[str, str]:
        heard, reply = _parted(events)
        words = [event.text for event in heard if isinstance(event, Hypothesis)]
        return words[-1], "".join(event.text for event in reply if isinstance(event, ReplyText))


def check_reply(events: Sequence[Any], *, speaks: bool) -> None:
    """Raise ``Broken`` if they aren't a whole reply, spoken or written."""
    kinds = ReplyAudio | ReplyText | ToolCall
    for event in events:
        expect(isinstance(event, kinds), f"{event!r}, which is no part of a reply")
        if isinstance(event, ReplyAudio):
            check_pcm(event.pcm)
        if not isinstance(event, ToolCall):
            expect(bool(event.item_id), f"an event without an item: {event!r}")
    sounds = [event.pcm for event in events if isinstance(event, ReplyAudio)]
    text = "".join(event.text for event in events if isinstance(event, ReplyText))
    expect(bool(text.strip()), "a reply without words")
    if speaks:
        expect(any(map(is_audible, sounds)), "a reply without a sound")
    else:
        expect(not sounds, "audio, although the reply was to be text")


def _parted(events: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """What was heard, and the reply."""
    heard = [event for event in events if isinstance(event, CallerItem | Hypothesis)]
    return heard, list(events[len(heard) :])
