"""TTS: the text of the reply → audio in 20 ms frames, chunk by chunk."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from voicepipe.core.frames import FRAME_MS, AudioOut, EndOfAudio, EndOfText, Segment, Text
from voicepipe.core.inbox import Inbox, Outlet
from voicepipe.providers.base import ProviderKind, Speech, TtsProvider
from voicepipe.speech.chunker import Chunk, Chunker, Mode, has_words
from voicepipe.speech.heard import Pace
from voicepipe.speech.speakable import Speakable
from voicepipe.stages.base import ProviderSlotConfig, Stage, StageConfig, StageContext

if TYPE_CHECKING:
    from voicepipe.core.frames import Pcm


class ChunkConfig(BaseModel):
    """How the text is cut into pieces that are spoken one by one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    first: Mode = Field(
        "clause",
        description="where the first piece of a reply may end; `clause`: three words or more, up to a comma"
        " or the like, or to a word that opens a phrase",
    )
    then: Mode = Field("sentence", description="where the others may end")


class TtsConfig(ProviderSlotConfig):
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
                    segment = reply.segment(chunk.text, self.provider.rate, pace.value)
                    await self._speak(ctx, segment, chunk.to_speak, out)
                    pace.learn(segment)
                if type(frame) is EndOfText:
                    await out.send(EndOfAudio(turn=frame.turn))

    async def _speak(
        self, ctx: StageContext, segment: Segment, text: str, out: Outlet[AudioOut | EndOfAudio]
    ) -> None:
        """``text``: that of the segment, with the marks that the voice needs."""
        slicer = _Slicer(segment)
        async with ctx.provider_call(
            lambda provider, call: provider.synthesize(call, text), turn=segment.turn
        ) as events:
            async for event in events:
                if isinstance(event, Speech):
                    for pcm in slicer.push(event.pcm):
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

    def segment(self, text: str, rate: int, pace: float) -> Segment:
        self._segments += 1
        return Segment(
            turn=self.turn,
            index=self._segments - 1,
            text=text,
            rate=rate,
            in_history=self._in_history,
            pace=pace,
        )


class _Slicer:
    """Audio of any block length → at most 20 ms each, without the silence that voices begin with."""

    def __init__(self, segment: Segment) -> None:
        import numpy as np  # noqa: PLC0415 - validating a pipeline file needs this module, but not NumPy

        from voicepipe.audio.level import SilenceTrimmer, rms_dbfs  # noqa: PLC0415 - likewise

        self._segment = segment
        self._trimmer = SilenceTrimmer(segment.rate)
        self._size = segment.rate * FRAME_MS // 1000
        self._concatenate = np.concatenate
        self._level = rms_dbfs
        self._rest: Pcm = np.zeros(0, np.int16)
        self._samples = 0

    def push(self, pcm: Pcm) -> list[Pcm]:
        pcm = self._trimmer.process(pcm)
        self._segment.trimmed = self._trimmer.dropped
        pcm = self._concatenate([self._rest, pcm]) if self._rest.size else pcm
        whole = pcm.size - pcm.size % self._size
        self._rest = pcm[whole:]
        self._samples += whole
        self._segment.made = self._samples + self._rest.size
        frames = [pcm[start : start + self._size] for start in range(0, whole, self._size)]
        self._segment.levels.extend(round(self._level(frame)) for frame in frames)
        return frames

    def flush(self) -> Pcm:
        """The rest, shorter than a frame and possibly empty; the segment's length is known now."""
        # The trimmer holds something only if nothing was audible, and then there is no rest.
        last = self._rest if self._rest.size else self._trimmer.flush()
        self._segment.made = self._segment.samples = self._samples + last.size
        return last
