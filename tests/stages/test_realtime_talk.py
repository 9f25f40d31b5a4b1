"""What a fused model's server can't know by itself: what was heard of a reply, and what needs no answer."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from tests.support.bad_wavs import COMMANDS
from tests.support.fused import Held, hold, items, reads_out
from voicepipe.core.clock import Clock
from voicepipe.core.frames import AudioIn, Pcm, PlaybackStarted, TypedText
from voicepipe.core.frames import Heard as HeardFrame
from voicepipe.core.inbox import Outlet
from voicepipe.core.io import Line
from voicepipe.core.records import SpeechIgnored
from voicepipe.core.units import MS, SECOND
from voicepipe.testing.realtime_server import RealtimeServer
from voicepipe.transports.paced import PacedOutput
from voicepipe.transports.wav import load_clip

RATE = 16_000
FRAME = RATE // 50
LONG = "I am going to count for you now: one, two, three, four, five, six, seven, eight, nine, and ten."
NOTICES = 4


class Caller:
    """Asks, and then says each of ``remarks`` so many ms after the agent was first heard."""

    live: ClassVar[bool] = False
    rate = RATE

    def __init__(self, question: Pcm, *remarks: tuple[int, Pcm]) -> None:
        self._question = question
        self._remarks = remarks
        self._position = 0
        self._heard: list[int] = []

    def __call__(self, event: Any, at_ns: int) -> None:
        if isinstance(event, PlaybackStarted):
            self._heard.append(at_ns)

    async def run(self, out: Outlet[AudioIn | TypedText], line: Line) -> None:
        silence = np.zeros(FRAME, np.int16)
        await self._say(self._question, out, line)
        for after_ms, clip in self._remarks:
            while not self._heard or line.clock.now() < self._heard[0] + after_ms * MS:
                await self._send(silence, out, line)
            before = len(self._heard)
            await self._say(clip, out, line)
        while line.idle_since is None or len(self._heard) == before:
            await self._send(silence, out, line)

    async def _say(self, clip: Pcm, out: Outlet[AudioIn | TypedText], line: Line) -> None:
        for start in range(0, clip.size, FRAME):
            await self._send(clip[start : start + FRAME], out, line)

    async def _send(self, pcm: Pcm, out: Outlet[AudioIn | TypedText], line: Line) -> None:
        position, self._position = self._position, self._position + FRAME
        await line.clock.sleep_until(self._position * SECOND // RATE)
        await out.send(AudioIn(pcm=np.pad(pcm, (0, FRAME - pcm.size)), position=position, rate=RATE))


def clip(name: str) -> Pcm:
    return load_clip(COMMANDS / f"{name}.wav", RATE).pcm


@dataclass
class Ends:
    caller: Caller
    output: PacedOutput

    def close(self) -> None:
        """There is nothing to give back."""


async def interrupted(server: RealtimeServer, folder: Path, caller: Caller, **changes: Any) -> Held:
    def on_call(call: Any) -> None:
        call.observe(lambda at_ns, event: caller(event, at_ns))

    def ends(clock: Clock) -> Ends:
        return Ends(caller, PacedOutput(clock, 24_000))

    return await hold(server, folder, on_call=on_call, ends=ends, **changes)


def assert_cut_where_it_was_heard(server: RealtimeServer, held: Held, turn: int) -> None:
    """The server's item is cut after the samples that left the loudspeaker, without what was paused."""
    (truncation,) = items(server, "conversation.item.truncate")
    *_, last = [e for e in held.of(HeardFrame) if e.turn == turn and e.segment]
    assert truncation["item_id"] == last.segment.item_id
    heard = (last.samples + last.segment.trimmed) * 1000 / last.segment.rate
    assert truncation["audio_end_ms"] == pytest.approx(heard, abs=2)


def test_a_reply_that_is_cut_off_is_truncated_to_what_was_heard(tmp_path: Path) -> None:
    async def main() -> None:
        heard = ["hello", "turn on the kitchen lights"]
        async with RealtimeServer(heard=heard, answer=reads_out(LONG, "Done.")) as server:
            caller = Caller(clip("slt_hello"), (1200, clip("slt_turn_on_the_kitchen_lights")))
            held = await interrupted(server, tmp_path, caller)
        first, second = held.report.turns
        assert (first.status, second.status) == ("interrupted", "completed")
        assert_cut_where_it_was_heard(server, held, first.turn)

    asyncio.run(main())


def test_what_needs_no_answer_is_taken_out_of_the_servers_conversation(tmp_path: Path) -> None:
    async def main() -> None:
        heard = ["hello", "yeah", "turn on the kitchen lights"]
        async with RealtimeServer(heard=heard, answer=reads_out(LONG, "Done.")) as server:
            hum = clip("slt_hello")[: RATE // 3]
            lights = clip("slt_turn_on_the_kitchen_lights")
            caller = Caller(clip("slt_hello"), (700, hum), (2600, lights))
            held = await interrupted(server, tmp_path, caller)
        (ignored,) = held.of(SpeechIgnored)
        assert ignored.text == "yeah"
        assert ignored.paused_ns > 0  # the reply was held for it, and came back
        assert_cut_where_it_was_heard(server, held, held.report.turns[0].turn)
        assert len(items(server, "conversation.item.delete")) == 1
        asked = server.sessions[-1].conversation
        assert [words(item.wire) for item in asked.items if item.wire["role"] == "user"] == [
            "hello",
            "turn on the kitchen lights",
        ]

    asyncio.run(main())


def test_of_a_reply_that_another_voice_speaks_the_server_keeps_what_was_heard(tmp_path: Path) -> None:
    async def main() -> None:
        heard = ["hello", "turn on the kitchen lights"]
        stages = (
            "  vad: energy\n"
            "  realtime: {{use: openai/gpt-realtime-2.1, output: text, base_url: '{url}'}}\n"
            "  tts: sim\n"
        )
        async with RealtimeServer(heard=heard, answer=reads_out(LONG, "Done.")) as server:
            caller = Caller(clip("slt_hello"), (1200, clip("slt_turn_on_the_kitchen_lights")))
            held = await interrupted(server, tmp_path, caller, stages=stages)
        first, _ = held.report.turns
        assert first.status == "interrupted"
        assert 0 < len(first.heard) < len(LONG)
        conversation = [words(item.wire) for item in server.sessions[-1].conversation.items]
        assert conversation == ["hello", first.heard, "turn on the kitchen lights", "Done."]

    asyncio.run(main())


def words(item: dict[str, Any]) -> str:
    (part,) = item["content"]
    return str(part.get("transcript") or part.get("text"))
