"""The connection of one session to a fused model: made, made anew, and given the caller's audio.

Connections are numbered. What one of them knows (items, audio) the next one doesn't, so that everything
that refers to a connection notes its number.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, aclosing
from random import Random

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
from voicepipe.stages.realtime_uplink import Uplink

FIRST_WAIT, LONGEST_WAIT = 250 * MS, 8 * SECOND
"""Between two attempts to connect; each wait is twice the one before, and half of it is chance."""

LASTING = 5 * SECOND
"""After a connection that held for this long, the first attempt is made at once."""

HOPELESS = ("authentication", "bad_request")
"""Errors with which a further attempt would end as well."""

ServerEvent = CallerStarted | CallerStopped | CallerSilent


class Link:
    """``run`` holds a connection as long as the session lasts; everything else uses the one there is.

    ``on_connected`` tells a new connection what was said before, and nobody else uses it until then.
    """

    def __init__(
        self,
        ctx: StageContext,
        provider: RealtimeProvider,
        audio: CallerAudio,
        *,
        setup: Callable[[], RealtimeSetup],
        on_connected: Callable[[RealtimeConnection, int], Awaitable[None]],
        on_event: Callable[[ServerEvent], None],
        renew_after: int,
        whole: bool,
    ) -> None:
        """``whole``: see ``Uplink``."""
        self.number = 0
        """Of the connection that there is, or was last; 0 before the first."""
        self.old = False
        """It is time for another connection."""
        self.connection: RealtimeConnection | None = None
        self.heard_through: int | None = None
        """Where the server finds turns: the last sample of which it has told what it heard."""
        self._ctx = ctx
        self.provider = provider
        self._audio = audio
        self._setup = setup
        self._on_connected = on_connected
        self._on_event = on_event
        self._renew_after = renew_after
        self._whole = whole
        self._chance = Random(0) if ctx.clock.virtual else Random()  # noqa: S311 - waits, not secrets
        self._numbers = itertools.count(1)
        self._hopeless: ProviderError | None = None
        self._known = asyncio.Event()
        """There is a connection, or there will be none."""
        self._renewed = asyncio.Event()
        self._held: asyncio.Timeout | None = None
        """Ends the connection, or the attempt to make one, where another one is wanted."""
        self._uplink: Uplink | None = None
        self._connected_ns: int | None = None
        self._recovering = False
        self._missed: int | None = None
        """The first sample that no connection was given."""

    # ── life ─────────────────────────────────────────────────────────────────────────────────────

    async def run(self) -> None:
        """Connect, and connect anew whenever the connection is lost or renewed. Never returns."""
        wait = 0
        while True:
            held = asyncio.timeout(None)
            try:
                async with held:
                    self._held = held
                    await self._ctx.clock.sleep(wait)
                    await self._hold()
            except TimeoutError:
                if not held.expired():
                    raise
                wait = 0
            except ProviderError as error:
                wait = self._wait_after(error, wait)
                self._note_lost(error)
            finally:
                self._held = None
            if self._hopeless is not None:
                self._renewed.clear()
                await self._renewed.wait()
                wait = 0

    def renew(self) -> None:
        """Leave the connection, or the attempt to make one, for another one."""
        self._hopeless = None
        self._leave()
        self._renewed.set()
        held, self._held = self._held, None
        if held is not None:
            held.reschedule(0)  # the loop's time has long passed that: it expires at once

    async def _hold(self) -> None:
        ctx, provider = self._ctx, self.provider
        call = Call(session=ctx.session, turn=None, clock=ctx.clock, workers=ctx.workers)
        self._connected_ns = None
        async with provider.connect(call, self._setup()) as connection:
            number = next(self._numbers)
            await self._on_connected(connection, number)
            uplink = Uplink(
                connection,
                number,
                self._audio,
                rate=provider.rate_in,
                missed=self._missed,
                whole=self._whole,
            )
            self._uplink, self._missed = uplink, None
            timer = ctx.clock.call_at(ctx.clock.now() + self._renew_after, self._grow_old)
            try:
                await uplink.catch_up()
                self._announce(connection, number)
                async for event in connection.events():
                    if not uplink.replaying:
                        self._on_event(event)
            finally:
                timer.cancel()
                self._leave()  # before the connection is closed, which may take its time
        raise ProviderError(
            "the server closed the connection", provider=provider.name, kind="connection", retryable=True
        )

    def _announce(self, connection: RealtimeConnection, number: int) -> None:
        ctx = self._ctx
        self.connection, self.number, self.old = connection, number, False
        self._connected_ns = ctx.clock.now()
        self._known.set()
        if self._recovering:
            self._recovering = False
            ctx.report(Recovered(turn=None, stage=ctx.slot, at_ns=ctx.clock.now()))

    def _leave(self) -> None:
        """There is no connection any more."""
        uplink, self._uplink, self.connection, self.old = self._uplink, None, None, False
        self._known.clear()
        if uplink is not None:
            self._missed = uplink.missed if self.heard_through is None else self.heard_through

    def _grow_old(self) -> None:
        self.old = True

    def _wait_after(self, error: ProviderError, before: int) -> int:
        made = self._connected_ns
        if made is not None and self._ctx.clock.now() - made >= LASTING:
            return 0
        longest = min(LONGEST_WAIT, 2 * (before or FIRST_WAIT // 2))
        wait = longest // 2 + self._chance.randrange(longest // 2 + 1)
        return max(wait, min(error.retry_after_ns or 0, LONGEST_WAIT))

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
        if provider is not self.provider:
            self.provider = provider
            self.renew()
        while self.connection is None:
            if self._hopeless is not None:
                raise self._hopeless.with_traceback(None)
            await self._known.wait()
        return self.connection

    # ── the caller's audio ───────────────────────────────────────────────────────────────────────

    async def append(self, frame: AudioIn) -> None:
        """Send the next frame, if there is a connection. What it misses is kept in ``CallerAudio``."""
        if self._uplink is not None:
            await self._uplink.append(frame)
        elif self._missed is None:
            self._missed = frame.position

    async def begin(self, utterance: Utterance, before: Utterance | None) -> None:
        """See ``Uplink.begin``. A connection that is still to come is given it then."""
        if self._uplink is not None:
            await self._uplink.begin(utterance, before)

    def position(self, audio_ms: int, rate: int) -> int:
        """The sample at ``rate`` that the connection got ``audio_ms`` after its first one."""
        return 0 if self._uplink is None else self._uplink.position(audio_ms, rate)

    # ── calls ────────────────────────────────────────────────────────────────────────────────────

    async def hear(
        self, provider: RealtimeProvider, call: Call, utterance: Utterance
    ) -> AsyncGenerator[Hypothesis, None]:
        """The words of ``utterance``, which is over; its audio is sent again if need be.

        May be called again after an error: what the connection has heard already isn't sent twice.
        """
        connection = await self.ready(provider)
        uplink = self._uplink
        assert uplink is not None, "there is a connection"
        known = utterance.item_id if utterance.stands_on(uplink.number) else None
        if utterance.unwanted and known is None:
            yield Hypothesis(text="", final=True)
            return
        try:
            async with AsyncExitStack() as floor:
                if known is None and (utterance.connection != uplink.number or not self._whole):
                    await floor.enter_async_context(uplink.alone(utterance))
                async with aclosing(connection.hear(call, known)) as events:
                    async for event in events:
                        if isinstance(event, CallerItem):
                            utterance.place(uplink.number, event.item_id)
                            await floor.aclose()
                        else:
                            yield event
        except ProviderError:
            utterance.displace()  # it has to be sent again
            raise
        finally:
            if not utterance.placed.is_set():
                utterance.displace()
