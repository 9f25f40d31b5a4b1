"""STT: the audio of each utterance → its transcript.

One provider call per utterance, from the onset (with its padding, out of a ring) to the pause. The call's
audio is read straight from the inbox, in the same task: a microphone frame is handed over once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import TYPE_CHECKING, ClassVar

from voicepipe.core.calls import Call
from voicepipe.core.frames import AudioIn, SpeechStarted, SpeechStopped, Transcript, TurnFailed
from voicepipe.core.inbox import Inbox, Outlet
from voicepipe.core.units import SECOND
from voicepipe.errors import ProviderError
from voicepipe.providers.base import ProviderKind, SttProvider
from voicepipe.stages.base import GuardedCall, ProviderSlotConfig, Stage, StageConfig, StageContext

if TYPE_CHECKING:
    from voicepipe.audio.resample import Resampler
    from voicepipe.core.frames import Pcm
    from voicepipe.providers.base import Hypothesis

RING = 2 * SECOND
"""Audio kept for an onset that is reported late: the longest prefix padding, and the VAD's decision."""

_Inbox = Inbox[AudioIn | SpeechStarted | SpeechStopped]


class Stt(Stage):
    kind: ClassVar[str] = "stt"
    provider_kind: ClassVar[ProviderKind | None] = "stt"
    Config: ClassVar[type[StageConfig]] = ProviderSlotConfig
    capacity: ClassVar[int] = 500  # ten seconds: a slow final decode must not cost the next words
    config: ProviderSlotConfig
    provider: SttProvider

    async def run(
        self,
        ctx: StageContext,
        inbox: Inbox[AudioIn | SpeechStarted | SpeechStopped],
        out: Outlet[Transcript],
    ) -> None:
        ring: deque[AudioIn] = deque()
        async for frame in inbox:
            if type(frame) is AudioIn:
                ring.append(frame)
                while frame.position - ring[0].position > RING * frame.rate // SECOND:
                    ring.popleft()
            elif type(frame) is SpeechStarted:
                await self._utterance(ctx, inbox, out, frame, ring)
                ring.clear()

    async def _utterance(
        self,
        ctx: StageContext,
        inbox: _Inbox,
        out: Outlet[Transcript],
        start: SpeechStarted,
        ring: deque[AudioIn],
    ) -> None:
        audio = _Utterance(inbox, start, ring, self.provider)
        revision, last = 0, ""

        async def send(text: str, final: bool, hypothesis: Hypothesis | None = None) -> None:
            nonlocal revision, last
            if final or text != last:
                frame = Transcript(
                    utterance=start.position,
                    revision=revision,
                    text=text,
                    final=final,
                    at_ns=ctx.clock.now(),
                    words=hypothesis.words if hypothesis else (),
                )
                revision, last = revision + 1, text
                await out.send(frame)

        finished = False
        try:
            async with ctx.provider_call(
                lambda call: self.provider.transcribe(call, audio.read(call)), turn=None, armed=False
            ) as events:
                audio.guard = events
                async for hypothesis in events:
                    await send(hypothesis.text, hypothesis.final, hypothesis)
                    finished = finished or hypothesis.final
        except ProviderError as error:
            ctx.report(TurnFailed(turn=None, stage=ctx.slot, error=error, at_ns=ctx.clock.now()))
        await audio.skip_to_stop()
        if not finished:  # the policy waits for a final transcript of every utterance
            await send("", True)


class _Utterance:
    """The audio of one utterance: what the ring holds of it, then the inbox up to the pause."""

    def __init__(
        self, inbox: _Inbox, start: SpeechStarted, ring: deque[AudioIn], provider: SttProvider
    ) -> None:
        self.guard: GuardedCall[Hypothesis] | None = None
        self._inbox = inbox
        self._start = start
        self._early = list(ring)
        self._provider = provider
        self._stopped = False

    async def read(self, call: Call) -> AsyncIterator[Pcm]:
        """Blocks at the provider's rate; ends at the pause and arms the call's deadlines there."""
        resampler: Resampler | None = None
        captions = self._provider.captions
        async with aclosing(self._frames()) as frames:
            async for frame in frames:
                if captions and frame.caption:
                    call.captions.append(frame.caption)
                if resampler is None:
                    from voicepipe.audio.resample import Resampler  # noqa: PLC0415 - needs NumPy

                    resampler = Resampler(frame.rate, self._provider.rate)
                skip = max(0, self._start.audio_from - frame.position)
                yield resampler.process(frame.pcm[skip:])
        if resampler is not None:
            yield resampler.flush()
        if self.guard is not None:
            self.guard.arm()

    async def skip_to_stop(self) -> None:
        """Drop the rest of an utterance that the provider left early."""
        async with aclosing(self._frames()) as frames:
            async for _ in frames:
                pass

    async def _frames(self) -> AsyncGenerator[AudioIn, None]:
        early, self._early = self._early, []
        for frame in early:
            if frame.position + frame.pcm.size > self._start.audio_from:
                yield frame
        if self._stopped:
            return
        async for item in self._inbox:
            if type(item) is AudioIn:
                yield item
            elif type(item) is SpeechStopped:
                break
        self._stopped = True
