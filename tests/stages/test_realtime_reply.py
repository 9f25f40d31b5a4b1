from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np

from tests.support.stages import Bench, FakeLlm
from voicepipe.core.clock import run_on
from voicepipe.core.frames import AudioOut, Pcm, Text
from voicepipe.providers.realtime_base import ReplyAudio, ReplyText
from voicepipe.speech.heard import Pace
from voicepipe.stages.base import Agent
from voicepipe.stages.llm import Llm, LlmConfig
from voicepipe.stages.realtime_reply import Reply

RATE = 24_000


class Out:
    """Keeps what is sent."""

    def __init__(self) -> None:
        self.sent: list[Any] = []

    async def send(self, frame: Any) -> None:
        self.sent.append(frame)


def on_a_reply(do: Callable[[Reply, Out], Awaitable[None]], *, speaks: bool = True) -> None:
    async def main() -> None:
        on, out = Bench(Llm(LlmConfig(), FakeLlm(None), Agent())), Out()
        await do(Reply(on.context, on.live_turn("hello"), out, RATE, speaks, Pace()), out)  # type: ignore[arg-type]

    run_on("simulated", main())


def tone(ms: int) -> Pcm:
    return (9000 * np.sin(np.arange(RATE * ms // 1000) * 0.3)).astype(np.int16)


def test_words_and_audio_of_one_item_are_one_segment() -> None:
    async def story(reply: Reply, out: Out) -> None:
        await reply.take(ReplyText(item_id="a", text="It is "))
        await reply.take(ReplyAudio(item_id="a", pcm=tone(50)))
        await reply.take(ReplyText(item_id="a", text="ten."))
        await reply.end_item()
        frames = [frame for frame in out.sent if isinstance(frame, AudioOut)]
        (segment,) = {id(frame.segment): frame.segment for frame in frames}.values()
        assert (segment.text, segment.item_id) == ("It is ten.", "a")
        assert segment.samples == sum(frame.pcm.size for frame in frames)

    on_a_reply(story)


def test_each_item_is_a_segment_of_its_own() -> None:
    async def story(reply: Reply, out: Out) -> None:
        for item_id in ("a", "b"):
            await reply.take(ReplyAudio(item_id=item_id, pcm=tone(40)))
        await reply.end_item()
        indexes = [frame.segment.index for frame in out.sent]
        assert indexes == sorted(indexes)
        assert set(indexes) == {0, 1}

    on_a_reply(story)


def test_its_words_are_history_and_those_of_a_filler_are_not() -> None:
    async def story(reply: Reply, out: Out) -> None:
        await reply.take(ReplyText(item_id="f", text="Let me look."), in_history=False)
        await reply.take(ReplyText(item_id="a", text="It is ten."))
        assert reply.ctx.conversation.said(reply.turn) == "It is ten."
        assert [item.item_id for item in reply.items] == ["a"]
        assert [(f.text, f.in_history) for f in out.sent if isinstance(f, Text)] == [
            ("Let me look.", False),
            ("It is ten.", True),
        ]

    on_a_reply(story)


def test_how_much_of_an_item_was_heard_counts_from_the_voices_first_sample() -> None:
    async def story(reply: Reply, out: Out) -> None:
        await reply.take(
            ReplyAudio(item_id="a", pcm=np.concatenate([np.zeros(RATE // 5, np.int16), tone(600)]))
        )
        (item,) = reply.items
        assert item.segment is not None
        item.segment.heard = RATE // 2
        assert not item.heard_whole
        assert 650 < item.heard_ms <= 700  # half a second, and the 200 ms that were trimmed
        item.segment.heard = item.segment.made
        assert item.heard_whole

    on_a_reply(story)


def test_a_model_that_only_writes_has_no_audio() -> None:
    async def story(reply: Reply, out: Out) -> None:
        await reply.take(ReplyText(item_id="a", text="It is ten."))
        await reply.end_item()
        assert [type(frame) for frame in out.sent] == [Text]
        assert reply.items[0].segment is None

    on_a_reply(story, speaks=False)
