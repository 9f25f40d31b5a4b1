"""Our own providers understand the stand-ins, until these are struck."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import numpy as np
import pytest

from tests.support.workers import make_call, make_host
from voicepipe.core.frames import Pcm
from voicepipe.core.messages import Message, TextDelta, ToolCall, ToolOffer
from voicepipe.errors import ProviderError
from voicepipe.providers.base import Provider, Speech
from voicepipe.providers.openai import OpenAI
from voicepipe.providers.openai_speech import OpenAISpeech
from voicepipe.providers.openai_stt import OpenAIStt
from voicepipe.testing.chaos.faults import Fault
from voicepipe.testing.chaos.peers import Peer, ears, mind, oracle, voice
from voicepipe.testing.chaos.talk import ANSWER, CALLER, FIRST, RESULT, TOOL

OFFERS = [ToolOffer(name=TOOL, description="Look it up.", parameters={"type": "object"})]
AT_ONCE: tuple[Fault, ...] = ("refuse", "429", "500", "reset", "garbage", "cut_utf8", "content_type", "nan")
"""Those that are noticed without a deadline, which is the pipeline's."""


async def silence() -> AsyncIterator[Pcm]:
    yield np.zeros(16_000, np.int16)


async def transcribe(stt: Any) -> str:
    return "".join([event.text async for event in stt.transcribe(make_call(), silence()) if event.final])


async def think(llm: Any, *said: str) -> list[TextDelta | ToolCall]:
    messages = [Message(role="user", text=text) for text in said or (CALLER, CALLER)]
    return [event async for event in llm.generate(make_call(), messages, OFFERS)]


async def speak(tts: Any) -> float:
    blocks = [event.pcm async for event in tts.synthesize(make_call(), "Hello") if isinstance(event, Speech)]
    return float(np.abs(np.concatenate(blocks).astype(float)).max())


async def use(
    peer: Peer, provider: type[Provider], ask: Callable[[Any], Awaitable[Any]], *faults: Fault
) -> Any:
    """What one request gives, or the second one if the peer is struck between them."""
    keys = {"stream_format": "sse"} if provider is OpenAISpeech else {}
    async with peer:
        config = provider.Config.model_validate({"model": "m", "base_url": peer.url, **keys})
        asked = provider(config, make_host())
        await asked.start()
        try:
            given = await ask(asked)
            for fault in faults:
                peer.strike(fault)
                given = await ask(asked)
            return given
        finally:
            await asked.close()


def words(events: Sequence[Any]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def test_the_ears_hear_what_the_clip_says() -> None:
    assert asyncio.run(use(ears(), OpenAIStt, transcribe)).strip() == CALLER


def test_the_mind_answers_and_looks_up_in_the_first_turn_only() -> None:
    (call,) = asyncio.run(use(mind(tools_struck=False), OpenAI, lambda llm: think(llm, CALLER)))
    assert call.name == TOOL
    assert words(asyncio.run(use(mind(tools_struck=False), OpenAI, think))) == "".join(ANSWER)


def test_where_tools_are_struck_the_mind_goes_on_to_look_up() -> None:
    (call,) = asyncio.run(use(mind(tools_struck=True), OpenAI, think))
    assert call.name == TOOL


def test_the_voice_makes_sound() -> None:
    assert asyncio.run(use(voice(), OpenAISpeech, speak)) > 1000


def test_first_and_further_answers_differ_so_that_the_log_tells_them_apart() -> None:
    assert FIRST != ANSWER


@pytest.mark.parametrize("fault", AT_ONCE)
@pytest.mark.parametrize(
    ("peer", "provider", "ask"),
    [
        (ears, OpenAIStt, transcribe),
        (lambda: mind(tools_struck=False), OpenAI, think),
        (voice, OpenAISpeech, speak),
    ],
    ids=["ears", "mind", "voice"],
)
def test_a_provider_notices_each_fault_that_needs_no_deadline(
    peer: Callable[[], Peer], provider: type[Provider], ask: Callable[[Any], Awaitable[Any]], fault: Fault
) -> None:
    with pytest.raises(ProviderError):
        asyncio.run(use(peer(), provider, ask, fault))


def test_the_oracle_knows_the_time_until_it_is_struck() -> None:
    async def ask(peer: Peer) -> bytes:
        port, _, path = peer.url.removeprefix("http://127.0.0.1:").partition("/")
        reader, writer = await asyncio.open_connection("127.0.0.1", int(port))
        writer.write(f"POST /{path} HTTP/1.1\r\nContent-Length: 2\r\n\r\n{{}}".encode())
        writer.write_eof()
        answer = await reader.read()
        writer.close()
        return answer

    async def main() -> None:
        async with oracle() as peer:
            assert (await ask(peer)).endswith(json.dumps(RESULT).encode())
            peer.strike("nan")
            assert b'{"answer": NaN}' in await ask(peer)

    asyncio.run(main())
