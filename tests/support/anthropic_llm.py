"""The ``anthropic`` LLM and the server that it asks, on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.support.openai_llm import QUESTION
from tests.support.workers import make_call, make_host
from voicepipe.core.calls import Call
from voicepipe.errors import ProviderError
from voicepipe.providers.anthropic import Anthropic, AnthropicConfig
from voicepipe.providers.base import Message, TextDelta, ToolCall, ToolOffer
from voicepipe.testing.anthropic_server import AnthropicServer, Reply


@asynccontextmanager
async def started(base_url: str, model: str = "test-model", **config: Any) -> AsyncIterator[Anthropic]:
    llm = Anthropic(AnthropicConfig(model=model, base_url=base_url, **config), make_host())
    try:
        await llm.start()
        yield llm
    finally:
        await llm.close()
        await llm.close()


async def answer(
    llm: Anthropic, call: Call | None = None, messages: list[Message] | None = None, *tools: ToolOffer
) -> list[TextDelta | ToolCall]:
    return [event async for event in llm.generate(call or make_call(), messages or QUESTION, tools)]


async def reply_to(
    reply: Reply,
    *tools: ToolOffer,
    messages: list[Message] | None = None,
    call: Call | None = None,
    **config: Any,
) -> Any:
    """What comes of one reply, and the body of the request that asked for it."""
    async with AnthropicServer(reply) as server, started(server.base_url, **config) as llm:
        events = await answer(llm, call, messages, *tools)
        return events, server.messages[0].json


def failure(reply: Reply, call: Call | None = None, **config: Any) -> ProviderError:
    async def main() -> None:
        await reply_to(reply, call=call, **config)

    with pytest.raises(ProviderError) as caught:
        asyncio.run(main())
    return caught.value
