"""The connection of one session to a fused model: made, made anew, and given the caller's audio.

Connections are numbered. What one of them knows (items, audio) the next one doesn't, so that everything
that refers to a connection notes its number.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing
from typing import TYPE_CHECKING

from voicepipe.core.calls import Call
from voicepipe.core.frames import AudioIn, Recovered, Recovering, TurnFailed
from voicepipe.core.records import Failed
from voicepipe.core.units import MS, SECOND
from voicepipe.errors import ProviderError
from voicepipe.providers.base import Hypothesis
from voicepipe.providers.realtime_base import (
    CallerItem,
    CallerSilent,
    CallerStarted,
    CallerStopped,
    RealtimeConnection,
    RealtimeProvider,
    RealtimeSetup,
)
from voicepipe.stages.base import StageContext
from voicepipe.stages.caller_audio import CallerAudio, Utterance

if TYPE_CHECKING:
    from voicepipe.audio.resample import Resampler

FIRST_WAIT, LONGEST_WAIT = 250 * MS, 8 * SECOND
"""Between two attempts to connect; each wait is twice the one before."""

LASTING = 5 * SECOND
"""After a connection that held for this long, the first attempt is made at once."""

HOPELESS = ("authentication", "bad_request")
"""Errors with which a further attempt would end as well."""

ServerEvent = CallerStarted | CallerStopped | CallerSilent


class Link:
    """``run`` holds a connection as long as the session lasts; everything else uses the one there is."""

    def __init__(
        self,
        ctx: StageContext,
        provider: RealtimeProvider,
        audio: CallerAudio,
        *,
        setup: Callable[[], RealtimeSetup],
        on_event: Callable[[ServerEvent], None],
        renew_after: int,
    ) -> None:
        self.number = 0
        """Of the connection that there is, or was last; 0 before the first."""
        self.old = False
        """It is time for another connection."""
        self._ctx = ctx
        self._provider = provider
        self._audio = audio
        self._setup = setup
        self._on_event = on_event
        self._renew_after = renew_after
        self._connection: RealtimeConnection | None = None
        self._hopeless: ProviderError | None = None
        self._known = asyncio.Event()
        """There is a connection, or there will be none."""
        self._renewed = asyncio.Event()
        self._held: asyncio.Timeout | None = None
        self._resampler: Resampler | None = None
        self._replaying = False
        self._recovering = False
        self._first_position: int | None = None
        self._missed: int | None = None
        """The first sample that no connection was given."""

    # ── life ─────────────────────────────────────────────────────────────────────────────────────

    async def run(self) -> None:
        """Connect, and connect anew whenever the connection is lost or renewed. Never returns."""
        wait = 0
        while True:
            began = self._ctx.clock.now()
            try:
                async with asyncio.timeout(None) as held:
                    self._held = held
                    await self._hold()
            except TimeoutError:
                if not held.expired():
                    raise
                wait = 0
            except ProviderError as error:
                lasted = self._connection is not None and self._ctx.clock.now() - began >= LASTING
                wait = 0 if lasted else min(LONGEST_WAIT, 2 * wait or FIRST_WAIT)
                self._note_lost(error)
            finally:
                self._connection = None
            if self._hopeless is not None:
                self._renewed.clear()
                await self._renewed.wait()
            self._known.clear()
            await self._ctx.clock.sleep(wait)

    def renew(self) -> None:
        """Leave the connection for another one."""
        self.old, self._hopeless = False, None
        self._renewed.set()
        if self._held is not None and self._connection is not None:
            self._held.reschedule(0)  # the loop's time has long passed that: it expires at once

    async def _hold(self) -> None:
        ctx = self._ctx
        call = Call(session=ctx.session, turn=None, clock=ctx.clock, workers=ctx.workers)
        async with self._provider.connect(call, self._setup()) as connection:
            self._connection = connection
            self.number += 1
            self._first_position = self._resampler = None
            self.old = False
            timer = ctx.clock.call_at(ctx.clock.now() + self._renew_after, self._grow_old)
            self._known.set()
            if self._recovering:
                self._recovering = False
                ctx.report(Recovered(turn=None, stage=ctx.slot, at_ns=ctx.clock.now()))
            try:
                await self._catch_up(connection)
                async for event in connection.events():
                    self._on_event(event)
            finally:
                timer.cancel()
        raise ProviderError(
            "the server closed the connection",
            provider=self._provider.name,
            kind="connection",
            retryable=True,
        )

    def _grow_old(self) -> None:
        self.old = True

    def _note_lost(self, error: ProviderError) -> None:
        ctx, now = self._ctx, self._ctx.clock.now()
        if error.kind in HOPELESS:
            self._hopeless = error
            self._known.set()
            ctx.report(TurnFailed(turn=None, stage=ctx.slot, error=error, at_ns=now))
        else:
            ctx.record(Failed(at_ns=now, stage=ctx.slot, error=str(error)))
            ctx.report(Recovering(turn=None, stage=ctx.slot, at_ns=now))
            self._recovering = True

    async def ready(self, provider: RealtimeProvider) -> RealtimeConnection:
        """The connection to ``provider``, once there is one. Raises ``ProviderError`` if there won't be."""
        if provider is not self._provider:
            self._provider = provider
            self.renew()
        while self._connection is None:
            if self._hopeless is not None:
                raise self._hopeless
            await self._known.wait()
        return self._connection

    # ── the caller's audio ───────────────────────────────────────────────────────────────────────

    async def append(self, frame: AudioIn) -> None:
        """Send the next frame, if there is a connection. What it misses is kept in ``CallerAudio``."""
        if self._connection is not None and not self._replaying:
            await self._send(self._connection, (frame,))
        elif self._missed is None:
            self._missed = frame.position

    async def _catch_up(self, connection: RealtimeConnection) -> None:
        """Send what was said while there was no connection."""
        missed, self._missed = self._missed, None
        if self._audio.open is not None:
            await self._upload(connection, self._audio.open)
        elif missed is not None:
            await self._send(connection, tuple(self._audio.since(missed)))

    async def begin(self, utterance: Utterance, before: Utterance | None) -> None:
        """From here on the audio belongs to ``utterance``, which also gets what was said of it already.

        ``before`` is the one before it: as long as its audio isn't placed, nothing may be thrown away.
        """
        connection = self._connection
        if connection is None:
            return
        if before is not None and before.connection == self.number and not before.placed.is_set():
            utterance.connection = self.number
        else:
            await self._upload(connection, utterance)

    async def _upload(self, connection: RealtimeConnection, utterance: Utterance) -> None:
        """Send all that there is of ``utterance`` in place of what belongs to none."""
        utterance.connection = self.number
        utterance.placed.clear()
        try:
            await connection.clear()
        except ProviderError:
            return  # ``events`` tells what has happened to the connection
        self._resampler = None
        await self._send(connection, tuple(utterance.frames))

    async def _send(self, connection: RealtimeConnection, frames: Iterable[AudioIn]) -> None:
        try:
            for frame in frames:
                if self._resampler is None:
                    from voicepipe.audio.resample import Resampler  # noqa: PLC0415 - needs NumPy

                    self._resampler = Resampler(frame.rate, self._provider.rate_in)
                if self._first_position is None:
                    self._first_position = frame.position
                await connection.append(self._resampler.process(frame.pcm))
        except ProviderError:
            return  # ``events`` tells what has happened to the connection

    def position(self, audio_ms: int, rate: int) -> int:
        """The sample at ``rate`` that the connection got ``audio_ms`` after its first one."""
        return (self._first_position or 0) + audio_ms * rate // 1000

    # ── calls ────────────────────────────────────────────────────────────────────────────────────

    async def hear(
        self, provider: RealtimeProvider, call: Call, utterance: Utterance, item_id: str | None
    ) -> AsyncGenerator[Hypothesis, None]:
        """The words of ``utterance``, which is over; its audio is sent again if need be.

        ``item_id``: what the server calls it, where the server has found it.
        """
        connection = await self.ready(provider)
        again = utterance.connection != self.number
        if again:
            self._replaying, item_id = True, None
            await self._upload(connection, utterance)
        try:
            async with aclosing(connection.hear(call, item_id)) as events:
                async for event in events:
                    if isinstance(event, CallerItem):
                        utterance.item_id = event.item_id
                        utterance.placed.set()
                        again = await self._go_on(connection, again)
                    else:
                        yield event
        finally:
            utterance.placed.set()  # whatever comes, nobody need wait for it
            await self._go_on(connection, again)

    async def _go_on(self, connection: RealtimeConnection, replayed: bool) -> bool:
        """After an utterance was sent again, the one that is being spoken is begun anew. Returns False."""
        if replayed:
            self._replaying = False
            if connection is self._connection:
                await self._catch_up(connection)
        return False
