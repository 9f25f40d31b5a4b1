"""TTS: the text of the reply → audio in 20 ms frames, chunk by chunk."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from voicepipe.core.calls import Call
from voicepipe.core.frames import AudioOut, EndOfAudio, EndOfText, Segment, Text, Word
from voicepipe.core.inbox import Inbox, Outlet
from voicepipe.core.records import VoiceAudible
from voicepipe.providers.base import ProviderKind, Speech, TtsProvider
from voicepipe.speech.budget import Asks
from voicepipe.speech.chunker import Chunk, Chunker, Mode, has_words
from voicepipe.speech.heard import Pace
from voicepipe.speech.speakable import Speakable
from voicepipe.stages.base import ReplaceableConfig, Stage, StageConfig, StageContext
from voicepipe.stages.slicer import Slicer


class ChunkConfig(BaseModel):
    """How the text is cut into pieces that are spoken one by one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    first: Mode = Field(
        "clause",
        description="where the first piece of a reply may end; `clause`: three words or more, up to a comma"
        " or the like, or to a word that opens a phrase",
    )
    then: Mode = Field("sentence", description="where the others may end")


class TtsConfig(ReplaceableConfig):
    chunk: ChunkConfig = Field(ChunkConfig(), description="how a reply is cut into what is spoken at once")


class Tts(Stage):
    kind: ClassVar[str] = "tts"
    provider_kind: ClassVar[ProviderKind | None] = "tts"
    Config: ClassVar[type[StageConfig]] = TtsConfig
    capacity: ClassVar[int] = 2000  # tokens: a model that writes fast isn't held up by a voice that speaks
    config: TtsConfig
    provider: TtsProvider

    async def run(
        self, ctx: StageContext, inbox: Inbox[Text | EndOfText], out: Outlet[AudioOut | EndOfAudio]
    ) -> None:
        reply: _Reply | None = None
        pace = Pace()
        async for frame in inbox:
            if type(frame) is Text:
                if reply is None or reply.turn != frame.turn:
                    reply = _Reply(frame.turn, self.config.chunk, self.agent.language)
                chunks = reply.push(frame)
            elif type(frame) is EndOfText:
                chunks = reply.flush() if reply is not None and reply.turn == frame.turn else []
            else:
                continue
            chunks = [chunk for chunk in chunks if has_words(chunk.text)]
            if not chunks and type(frame) is Text:
                continue
            async with ctx.turn(frame.turn) as turn:
                if not ctx.speculates:
                    await turn.committed()
                for chunk in chunks:
                    assert reply is not None, "it has made the chunks"
                    segment = reply.segment(chunk.text, pace.value)
                    await self._speak(ctx, segment, chunk.to_speak, out)
                    pace.learn(segment)
                if type(frame) is EndOfText:
                    await out.send(EndOfAudio(turn=frame.turn))

    async def _speak(
        self, ctx: StageContext, segment: Segment, text: str, out: Outlet[AudioOut | EndOfAudio]
    ) -> None:
        """``text``: that of the segment, with the marks that the voice needs."""
        slicer: Slicer
        sent = False

        def synthesize(provider: TtsProvider, call: Call) -> AsyncIterator[Speech | Word]:
            nonlocal slicer
            segment.begin(provider.rate)
            slicer = Slicer(segment)
            return provider.synthesize(call, text)

        async with ctx.provider_call(
            synthesize, turn=segment.turn, used=lambda: sent, asks=lambda: Asks(speak=text)
        ) as events:
            async for event in events:
                if isinstance(event, Speech):
                    for pcm in slicer.push(event.pcm):
                        if segment.index == 0 and not sent:
                            ctx.record(VoiceAudible(at_ns=ctx.clock.now(), turn=segment.turn))
                        sent = True
                        await out.send(AudioOut(turn=segment.turn, segment=segment, pcm=pcm))
                else:
                    segment.words.append(event)
        last = slicer.flush()
        if last.size:
            await out.send(AudioOut(turn=segment.turn, segment=segment, pcm=last))


class _Reply:
    """The text of one reply on its way into chunks."""

    def __init__(self, turn: int, chunk: ChunkConfig, language: str) -> None:
        self.turn = turn
        self._speakable = Speakable()
        self._chunker = Chunker(first=chunk.first, then=chunk.then, language=language)
        self._segments = 0
        self._in_history = True

    def push(self, frame: Text) -> list[Chunk]:
        self._in_history = frame.in_history
        return self._chunker.push(self._speakable.push(frame.text))

    def flush(self) -> list[Chunk]:
        return self._chunker.push(self._speakable.flush()) + self._chunker.flush()

    def segment(self, text: str, pace: float) -> Segment:
        self._segments += 1
        return Segment(
            turn=self.turn,
            index=self._segments - 1,
            text=text,
            rate=0,  # that of the voice which will speak it
            in_history=self._in_history,
            pace=pace,
        )
