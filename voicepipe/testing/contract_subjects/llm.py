"""Language models behind servers, each against one on loopback that says again what it was asked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import get_args

from voicepipe.core.messages import Message, ToolOffer
from voicepipe.core.units import SECOND
from voicepipe.providers.anthropic import Anthropic
from voicepipe.providers.openai import OpenAI
from voicepipe.providers.openai_presets import Azure, Groq, Ollama, OpenRouter, Vllm
from voicepipe.testing import anthropic_server, openai_server
from voicepipe.testing.contract import Fault, Scene, Subject
from voicepipe.testing.http import Request

KEY, WRONG_KEY = "sk-right-0123456789", "sk-wrong-0123456789"
RETRY_AFTER_S = 2
QUESTION = "What is the weather in Paris?"
WEATHER = ToolOffer(
    name="weather",
    description="The weather in a city.",
    parameters={"type": "object", "properties": {"city": {"type": "string"}}},
)
ARGUMENTS = ('{"ci', 'ty": "Paris"}')


class _Served(Subject):
    faults = frozenset(get_args(Fault))
    reported = MappingProxyType({"tokens_in": 11, "tokens_out": 7})
    tool_question = (Message(role="user", text=QUESTION),)
    tools = (WEATHER,)


class OpenAISubject(_Served):
    """Chat Completions. The presets differ from it in address and key only."""

    provider = OpenAI

    @asynccontextmanager
    async def scene(self, fault: Fault | None = None) -> AsyncIterator[Scene]:
        def answer(request: Request) -> openai_server.Reply:
            asked = request.json["messages"][-1]
            match fault:
                case "rate_limit":
                    headers = {"retry-after": str(RETRY_AFTER_S)}
                    return openai_server.Reply(status=429, headers=headers)
                case "malformed":
                    return openai_server.Reply(text=["It"], fault="malformed")
                case "dropped":
                    return openai_server.Reply(text=["It"], fault="drop")
                case "stall":
                    return openai_server.Reply(text=["It"], fault="stall")
            if asked["role"] == "user" and asked["content"] == QUESTION:
                return openai_server.Reply(tools=[openai_server.Tool(name="weather", arguments=ARGUMENTS)])
            return openai_server.Reply(text=_said_again(asked["content"]))

        async with openai_server.OpenAIServer(answer=answer, key=KEY) as server:
            key = WRONG_KEY if fault == "refused_key" else KEY
            yield Scene(
                config={"model": "test-model", "base_url": server.base_url, "api_key": key},
                stopped=lambda: server.completions[-1].hung_up.wait(),
                retry_after_ns=RETRY_AFTER_S * SECOND if fault == "rate_limit" else None,
            )


class GroqSubject(OpenAISubject):
    provider = Groq


class OpenRouterSubject(OpenAISubject):
    provider = OpenRouter


class AzureSubject(OpenAISubject):
    provider = Azure


class OllamaSubject(OpenAISubject):
    provider = Ollama


class VllmSubject(OpenAISubject):
    provider = Vllm


class AnthropicSubject(_Served):
    provider = Anthropic
    reported_at_once = frozenset({"tokens_in"})

    @asynccontextmanager
    async def scene(self, fault: Fault | None = None) -> AsyncIterator[Scene]:
        def answer(request: Request) -> anthropic_server.Reply:
            content = request.json["messages"][-1]["content"]
            match fault:
                case "rate_limit":
                    error = {"type": "rate_limit_error", "message": "too many"}
                    headers = {"retry-after": str(RETRY_AFTER_S)}
                    return anthropic_server.Reply(status=429, error=error, headers=headers)
                case "malformed":
                    return anthropic_server.Reply(text=["It"], fault="malformed")
                case "dropped":
                    return anthropic_server.Reply(text=["It"], fault="drop")
                case "stall":
                    return anthropic_server.Reply(text=["It"], fault="stall")
            text = content if isinstance(content, str) else content[-1].get("text", "a result")
            if text == QUESTION:
                return anthropic_server.Reply(tools=[anthropic_server.Tool(name="weather", input=ARGUMENTS)])
            return anthropic_server.Reply(text=_said_again(text))

        async with anthropic_server.AnthropicServer(answer=answer, key=KEY) as server:
            key = WRONG_KEY if fault == "refused_key" else KEY
            yield Scene(
                config={"model": "test-model", "base_url": server.base_url, "api_key": key},
                stopped=lambda: server.messages[-1].hung_up.wait(),
                retry_after_ns=RETRY_AFTER_S * SECOND if fault == "rate_limit" else None,
            )


def _said_again(text: str) -> Sequence[str]:
    """In some pieces."""
    return ["You said: ", *(f"{word} " for word in text.split()[:20])]
