"""The ``openai`` LLM and the server that it asks, on loopback."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.support.workers import make_call, make_host
from voicepipe.core.calls import Call
from voicepipe.errors import ProviderError
from voicepipe.providers.base import LlmProvider, Message, TextDelta, ToolCall, ToolOffer
from voicepipe.providers.openai import OpenAI, OpenAIConfig
from voicepipe.testing.openai_server import OpenAIServer, Reply

QUESTION = [Message(role="system", text="Be brief."), Message(role="user", text="What is the weather?")]
WEATHER = ToolOffer(
    name="weather",
    description="The weather in a city.",
    parameters={"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)
SECRET = "sk-very-secret-0123456789"


@asynccontextmanager
async def started(base_url: str, model: str = "test-model", **config: Any) -> Any:
    llm = OpenAI(OpenAIConfig(model=model, base_url=base_url, **config), make_host())
    try:
        await llm.start()
        yield llm
    finally:
        await llm.close()
        await llm.close()


async def gather_into(seen: list[Any], llm: LlmProvider, call: Call) -> None:
    async for event in llm.generate(call, QUESTION, ()):
        seen.append(event)


async def answer(
    llm: OpenAI, call: Call | None = None, messages: list[Message] | None = None, *tools: ToolOffer
) -> list[TextDelta | ToolCall]:
    return [event async for event in llm.generate(call or make_call(), messages or QUESTION, tools)]


async def reply_to(reply: Reply, *tools: ToolOffer, call: Call | None = None, **config: Any) -> Any:
    """What comes of one reply, and the request that asked for it."""
    async with OpenAIServer(reply) as server, started(server.base_url, **config) as llm:
        events = await answer(llm, call, None, *tools)
        return events, server.completions[0]


def failure(reply: Reply, call: Call | None = None, **config: Any) -> ProviderError:
    async def main() -> None:
        await reply_to(reply, call=call, **config)

    with pytest.raises(ProviderError) as caught:
        asyncio.run(main())
    return caught.value
