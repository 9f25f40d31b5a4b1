"""A language model behind OpenAI's Chat Completions: OpenAI itself, and servers that are compatible with it.

The server is ``base_url``. Its key is ``api_key``; OpenAI's own hosts get that of the environment without
being told, no other host does, and servers on this computer need none. Ollama, vLLM, Groq and others have
names of their own: ``openai_presets.py``.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any, ClassVar, Literal

from pydantic import Field, SecretStr

from voicepipe.core.calls import Call, Host
from voicepipe.providers import openai_chat as chat
from voicepipe.providers.base import LlmProvider, Message, TextDelta, ToolCall, ToolOffer
from voicepipe.providers.endpoint import EndpointConfig
from voicepipe.providers.openai_endpoint import KEY_VARIABLE, Connection, openai_itself
from voicepipe.providers.token_tally import LONGEST_ANSWER
from voicepipe.providers.vendor_errors import bad_answer, broken_off

OPENAI = openai_itself("llm")

_REASONS = re.compile(r"gpt-(5\.([4-9]|[1-9][0-9])|[6-9]|1[0-9])(?![0-9])")
"""OpenAI's models that think unless they are told not to, and then refuse tools in Chat Completions."""


class OpenAIConfig(EndpointConfig):
    endpoint = OPENAI
    model: str = Field(min_length=1, max_length=200, description="as the server calls it")
    base_url: str = OPENAI.url_field()
    api_key: SecretStr | None = OPENAI.key_field()
    max_tokens: int | None = Field(None, ge=1, description="of one answer")
    temperature: float | None = Field(None, ge=0, le=2, description="the server's own unless given")
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None = Field(
        None,
        description="how long a model that reasons may think; the less, the sooner it speaks. With tools "
        "OpenAI's own are sent `none` if nothing is said, since they take none else",
    )


class OpenAI(LlmProvider):
    name = "openai"
    clock = "real"
    extra = "local"
    packages = ("openai",)
    keys = (KEY_VARIABLE,)
    Config = OpenAIConfig
    config: OpenAIConfig
    lists_all: ClassVar[bool] = True
    """The server's list of models names every model that it answers to."""

    def __init__(self, config: OpenAIConfig, host: Host) -> None:
        super().__init__(config, host)
        self._connection = Connection(config, host)

    async def start(self) -> None:
        """Connect, so that the first turn needn't, and ask which models there are."""
        await self._connection.open(self.config.model, lists_all=self.lists_all)

    async def close(self) -> None:
        await self._connection.close()

    def check(self) -> list[str]:
        return self._connection.check()

    def _request(self, messages: Sequence[Message], tools: Sequence[ToolOffer]) -> dict[str, Any]:
        config = self.config
        # OpenAI has renamed max_tokens, and its newer models refuse the old name; a server of one's own may
        # know only that.
        limit = "max_completion_tokens" if config.endpoint.is_own(config.base_url) else "max_tokens"
        optional = {
            limit: config.max_tokens,
            "temperature": config.temperature,
            "reasoning_effort": config.reasoning_effort or self._effort(tools),
            "tools": chat.tools_of(tools) or None,
        }
        return {
            "model": config.model,
            "messages": chat.messages_of(messages),
            "stream": True,
            "stream_options": {"include_usage": True},
            **{name: value for name, value in optional.items() if value is not None},
        }

    def _effort(self, tools: Sequence[ToolOffer]) -> str | None:
        """OpenAI answers 400 to tools for a model that may think ("use /v1/responses or set reasoning_effort
        to 'none'"), and takes its default of ``medium`` where nothing is said."""
        config = self.config
        own = config.endpoint is OPENAI and OPENAI.is_own(config.base_url)
        return "none" if own and tools and _REASONS.match(config.model) else None

    async def generate(
        self, call: Call, messages: Sequence[Message], tools: Sequence[ToolOffer]
    ) -> AsyncIterator[TextDelta | ToolCall]:
        client, sdk = self._connection.client, self._connection.sdk
        request = self._request(messages, tools)
        tally = chat.Tally(call, request)
        stream = None
        try:
            stream = await client.chat.completions.create(**request)
            # Closing the stream closes its connection, which tells the server to stop generating.
            async with aclosing(stream), aclosing(self._events(stream, tally)) as events:
                async for event in events:
                    yield event
        except self._connection.failures as error:
            tally.billed = stream is not None or isinstance(error, sdk.APITimeoutError)
            raise self._connection.error(error) from None
        finally:
            tally.close()

    async def _events(self, stream: Any, tally: chat.Tally) -> AsyncGenerator[TextDelta | ToolCall, None]:
        calls = chat.PartialCalls(self.name)
        finish: str | None = None
        async for chunk in stream:
            tally.report_usage(getattr(chunk, "usage", None))
            if tally.received > LONGEST_ANSWER:
                raise bad_answer(self.name, f"the answer is longer than {LONGEST_ANSWER} characters")
            for choice in getattr(chunk, "choices", None) or ():
                delta = getattr(choice, "delta", None)
                for text in (getattr(delta, "content", None), getattr(delta, "refusal", None)):
                    if isinstance(text, str) and text:
                        tally.received += len(text)
                        yield TextDelta(text=text)
                for fragment in getattr(delta, "tool_calls", None) or ():
                    tally.received += calls.add(fragment)
                reason = getattr(choice, "finish_reason", None)
                if reason and not finish:
                    finish = reason
                    for complete in calls.complete():
                        yield complete
        if not finish:
            raise broken_off(self.name, "the server ended the stream before the answer was complete")
        if finish == "content_filter" and not tally.received:
            raise bad_answer(self.name, "the server's content filter withheld the answer")
