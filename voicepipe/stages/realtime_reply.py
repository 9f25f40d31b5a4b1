"""A fused model's reply on its way out: words and audio → frames, and what of it was heard."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from voicepipe.core.frames import AudioOut, Segment, Text
from voicepipe.core.inbox import Outlet
from voicepipe.core.messages import Message
from voicepipe.core.records import VoiceAudible
from voicepipe.core.units import MS, SECOND
from voicepipe.providers.realtime_base import ReplyAudio, ReplyText
from voicepipe.speech.chunker import has_words
from voicepipe.speech.heard import Pace
from voicepipe.stages.base import StageContext
from voicepipe.stages.slicer import Slicer

NEARLY_ALL = 60 * MS
"""What may be missing of an item of which all was heard: a resampler's tail, and a rounded frame."""


@dataclass(slots=True, eq=False)
class Item:
    """One item of the server's conversation. ``segment`` is its audio, None where it is text only."""

    item_id: str
    segment: Segment | None
    text: str = ""

    @property
    def heard_whole(self) -> bool:
        segment = self.segment
        assert segment is not None, "text is heard by somebody else's voice"
        return segment.made - segment.heard <= segment.rate * NEARLY_ALL // SECOND

    @property
    def heard_ms(self) -> int:
        """How much of its audio was heard, from the voice's own first sample."""
        segment = self.segment
        assert segment is not None, "text is heard by somebody else's voice"
        return (segment.heard + segment.trimmed) * 1000 // segment.rate if segment.heard else 0


@dataclass(slots=True, eq=False)
class Reply:
    """Of one turn, on the connection with number ``connection``; ``items`` in the order of the model.

    ``calls``: the ids of the tool calls, each with the result that the server was given, None for none yet,
    and that result's item.
    """

    ctx: StageContext
    turn: int
    out: Outlet[Any]
    rate: int
    speaks: bool
    pace: Pace
    connection: int = 0
    typed_on: int = 0
    """The connection that was given what the caller has typed."""
    items: list[Item] = field(default_factory=list)
    calls: dict[str, tuple[str | None, str]] = field(default_factory=dict)
    spoke: bool = False
    """It had words for the caller since ``spoke`` was last reset."""
    _segments: int = 0
    _audible: bool = False
    _open: Item | None = None
    _slicer: Slicer | None = None

    def note_result(self, message: Message, item_id: str) -> None:
        """The server was given ``message``, as ``item_id``, if it is what a tool answered."""
        if message.role == "tool" and message.tool_call_id is not None:
            self.calls[message.tool_call_id] = message.text, item_id

    async def take(self, event: ReplyText | ReplyAudio, *, in_history: bool = True) -> None:
        item = await self._item(event.item_id, in_history)
        if isinstance(event, ReplyText):
            await self._write(item, event.text, in_history)
            return
        if item.segment is None or self._slicer is None:
            return
        for pcm in self._slicer.push(event.pcm):
            if not self._audible:
                self._audible = True
                self.ctx.record(VoiceAudible(at_ns=self.ctx.clock.now(), turn=self.turn))
            await self.out.send(AudioOut(turn=self.turn, segment=item.segment, pcm=pcm))

    async def write(self, text: str, *, in_history: bool = True) -> None:
        """Words that aren't the model's own."""
        if text:
            if in_history:
                self.ctx.conversation.add_text(self.turn, text)
            await self.out.send(Text(turn=self.turn, text=text, in_history=in_history))

    async def end_item(self) -> None:
        """Nothing more comes of the item that came last."""
        item, slicer, self._open, self._slicer = self._open, self._slicer, None, None
        if item is None or item.segment is None or slicer is None:
            return
        last = slicer.flush()
        if last.size:
            await self.out.send(AudioOut(turn=self.turn, segment=item.segment, pcm=last))
        if item.segment.samples:
            self.pace.learn(item.segment)

    async def _item(self, item_id: str, in_history: bool) -> Item:
        if self._open is not None and self._open.item_id == item_id:
            return self._open
        await self.end_item()
        segment = None
        if self.speaks:
            segment = Segment(
                turn=self.turn,
                index=self._segments,
                text="",
                rate=self.rate,
                in_history=in_history,
                item_id=item_id,
                pace=self.pace.value,
            )
            self._segments += 1
            self._slicer = Slicer(segment)
        self._open = Item(item_id, segment)
        if in_history:
            self.items.append(self._open)
        return self._open

    async def _write(self, item: Item, text: str, in_history: bool) -> None:
        item.text += text
        if item.segment is not None:
            item.segment.text += text
        self.spoke = self.spoke or has_words(text)
        await self.write(text, in_history=in_history)
