"""STT: the audio of each utterance → its transcript.

One provider call per utterance, from the onset (with its padding, out of a ring) to the pause. The call's
audio is read straight from the inbox, in the same task: a microphone frame is handed over once. Nothing that
a recogniser says is heard by anybody, so a call that fails is made again with all of the audio at any time.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import ClassVar

from pydantic import Field

from voicepipe.core.calls import Call
from voicepipe.core.frames import AudioIn, SpeechStarted, SpeechStopped, Transcript, TurnFailed
from voicepipe.core.inbox import Inbox, Outlet
from voicepipe.core.units import SECOND, Duration
from voicepipe.errors import BudgetError, ProviderError
from voicepipe.providers.base import Hypothesis, ProviderKind, SttProvider
from voicepipe.speech.budget import Asks
from voicepipe.stages.base import (
    Deadlines,
    GuardedCall,
    ReplaceableConfig,
    Stage,
    StageConfig,
    StageContext,
)
from voicepipe.stages.kept_back import KeptBack
from voicepipe.stages.transcriber import Transcriber
from voicepipe.stages.utterance import HeardAudio, Reading, SpokenUtterance

WORTHWHILE = 4 * SECOND
"""How long after the caller's pause words are still waited for: as long as the turn stage waits for them
unless it is told otherwise (``dead_air``). What is tried later would only keep the next words waiting."""


class SttDeadlines(Deadlines):
    first: Duration = Field(
        5 * SECOND,
        gt=0,
        description="until the first event; 3s for a provider that a fallback can replace, and at least 5s "
        "for the last one of several",
    )


class SttConfig(ReplaceableConfig):
    timeout: SttDeadlines = Field(SttDeadlines(), description="how long a call of the provider may take")


class Stt(Stage):
    kind: ClassVar[str] = "stt"
    provider_kind: ClassVar[ProviderKind | None] = "stt"
    Config: ClassVar[type[StageConfig]] = SttConfig
    capacity: ClassVar[int] = 500  # ten seconds: a slow final decode must not cost the next words
    config: SttConfig
    provider: SttProvider

    async def run(
        self,
        ctx: StageContext,
        inbox: Inbox[AudioIn | SpeechStarted | SpeechStopped],
        out: Outlet[Transcript],
    ) -> None:
        recent, silence = HeardAudio(ctx.onset_reach), KeptBack(ctx)
        asked: SttProvider = self.provider

        def remember(frame: AudioIn) -> None:
            recent.push(frame)
            silence.note(frame)

        inbox.listen(remember)
        try:
            async for frame in inbox:
                if type(frame) is AudioIn:
                    remember(frame)
                elif type(frame) is SpeechStarted:
                    inbox.listen(None)
                    audio = SpokenUtterance(inbox, frame, recent)
                    silence.send(audio.begun)
                    asked = await self._utterance(ctx, audio, out)
                    silence.record(asked, silence.take())
                    inbox.listen(remember)
        finally:
            silence.record(asked, silence.take())

    async def _utterance(
        self, ctx: StageContext, audio: SpokenUtterance, out: Outlet[Transcript]
    ) -> SttProvider:
        """Returns who was asked last."""
        transcriber = Transcriber(audio.id, ctx.clock)
        asked: SttProvider = self.provider
        events: GuardedCall[Hypothesis]

        def wait(waiting: bool) -> None:
            # The deadlines are for the provider's own time.
            if waiting:
                events.disarm()
            else:
                events.arm()

        def transcribe(provider: SttProvider, call: Call) -> AsyncIterator[Hypothesis]:
            nonlocal asked
            asked = provider
            transcriber.begin_again()
            return provider.transcribe(call, Reading(audio, provider, call, wait))

        def of_no_use() -> bool:
            stopped = audio.stopped_ns
            return transcriber.ended or (stopped is not None and ctx.clock.now() > stopped + WORTHWHILE)

        try:
            async with ctx.provider_call(
                transcribe, turn=None, used=of_no_use, asks=lambda: Asks(streams=True)
            ) as events:
                async for hypothesis in events:
                    if (transcript := transcriber.frame(hypothesis)) is not None:
                        await out.send(transcript)
        except (ProviderError, BudgetError) as error:
            ctx.report(TurnFailed(turn=None, stage=ctx.slot, error=error, at_ns=ctx.clock.now()))
        await audio.skip_to_stop()
        # The policy waits for a final one of every utterance.
        if (last := transcriber.frame(Hypothesis(text="", final=True))) is not None:
            await out.send(last)
        return asked
