"""STT: the audio of each utterance → its transcript.

One provider call per utterance, from the onset (with its padding, out of a ring) to the pause. The call's
audio is read straight from the inbox, in the same task: a microphone frame is handed over once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING, ClassVar

from voicepipe.core.calls import Call
from voicepipe.core.frames import AudioIn, SpeechStarted, SpeechStopped, Transcript, TurnFailed
from voicepipe.core.inbox import Inbox, Outlet
from voicepipe.core.units import SECOND
from voicepipe.errors import ProviderError
from voicepipe.providers.base import Hypothesis, ProviderKind, SttProvider
from voicepipe.stages.base import GuardedCall, ProviderSlotConfig, Stage, StageConfig, StageContext
from voicepipe.stages.transcriber import Transcriber

if TYPE_CHECKING:
    from voicepipe.audio.resample import Resampler
    from voicepipe.core.frames import Pcm

RING = 4 * SECOND
"""Audio kept for an onset that is reported late: by the longest prefix padding (1 s), the longest
``min_speech`` of the VAD (1 s) and what waits in its inbox (1 s)."""

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
        ring = _Ring()
        async for frame in inbox:
            if type(frame) is AudioIn:
                ring.push(frame)
            elif type(frame) is SpeechStarted:
                await self._utterance(ctx, _Utterance(inbox, frame, ring, self.provider), out)

    async def _utterance(self, ctx: StageContext, audio: _Utterance, out: Outlet[Transcript]) -> None:
        transcriber = Transcriber(audio.id, ctx.clock)
        try:
            async with (
                aclosing(audio) as reader,
                ctx.provider_call(
                    lambda provider, call: provider.transcribe(call, reader.read(call)),
                    turn=None,
                    armed=False,
                ) as events,
            ):
                audio.guard = events
                async for hypothesis in events:
                    if (transcript := transcriber.frame(hypothesis)) is not None:
                        await out.send(transcript)
        except ProviderError as error:
            ctx.report(TurnFailed(turn=None, stage=ctx.slot, error=error, at_ns=ctx.clock.now()))
        await audio.skip_to_stop()
        # The policy waits for a final one of every utterance.
        if (last := transcriber.frame(Hypothesis(text="", final=True))) is not None:
            await out.send(last)


class _Ring:
    """The last seconds of audio, whatever became of them."""

    def __init__(self) -> None:
        self._frames: deque[AudioIn] = deque()
        self._captioned = -1
        """Where the last frame began whose caption was taken."""

    def push(self, frame: AudioIn) -> None:
        self._frames.append(frame)
        oldest = frame.position - RING * frame.rate // SECOND
        while self._frames[0].position < oldest:
            self._frames.popleft()

    def caption(self, frame: AudioIn) -> str:
        """What is said in ``frame``, once: the padding of an utterance may reach into the one before."""
        if frame.position <= self._captioned:
            return ""
        self._captioned = frame.position
        return frame.caption or ""

    def since(self, position: int) -> deque[AudioIn]:
        """The frames that hold sample ``position`` and those after it."""
        return deque(frame for frame in self._frames if frame.position + frame.pcm.size > position)


class _Utterance:
    """The audio of one utterance: what the ring holds of it, then the inbox up to the pause."""

    def __init__(self, inbox: _Inbox, start: SpeechStarted, ring: _Ring, provider: SttProvider) -> None:
        self.id = start.position
        self.guard: GuardedCall[Hypothesis] | None = None
        self._inbox = inbox
        self._audio_from = start.audio_from
        self._ring = ring
        self._early = ring.since(start.audio_from)
        self._provider = provider
        self._stopped = False
        self._reader: AsyncGenerator[Pcm, None] | None = None

    def read(self, call: Call) -> AsyncGenerator[Pcm, None]:
        """Blocks at the provider's rate, up to the pause. The call's deadlines run while none is awaited."""
        self._reader = self._read(call)
        return self._reader

    async def aclose(self) -> None:
        """The provider reads no more, and may have left in the middle of it."""
        if self._reader is not None:
            await self._reader.aclose()

    async def _read(self, call: Call) -> AsyncGenerator[Pcm, None]:
        assert self.guard is not None, "audio is read inside of a call"
        resampler: Resampler | None = None
        captions = self._provider.captions
        async with aclosing(self._frames()) as frames:
            async for frame in frames:
                if captions and frame.caption is not None:
                    call.captions.append(self._ring.caption(frame))
                if resampler is None:
                    from voicepipe.audio.resample import Resampler  # noqa: PLC0415 - needs NumPy

                    resampler = Resampler(frame.rate, self._provider.rate)
                skip = max(0, self._audio_from - frame.position)
                self.guard.arm()
                yield resampler.process(frame.pcm[skip:])
                self.guard.disarm()
        self.guard.arm()
        if resampler is not None and (tail := resampler.flush()).size:
            yield tail

    async def skip_to_stop(self) -> None:
        """Pass over the rest of an utterance that the provider left early."""
        async with aclosing(self._frames()) as frames:
            async for _ in frames:
                pass

    async def _frames(self) -> AsyncGenerator[AudioIn, None]:
        while self._early:
            yield self._early.popleft()
        if self._stopped:
            return
        async for item in self._inbox:
            if type(item) is AudioIn:
                self._ring.push(item)  # the next utterance's padding may begin in here
                yield item
            elif type(item) is SpeechStopped:
                break
        self._stopped = True
