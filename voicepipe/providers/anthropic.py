"""A language model of Anthropic's, by its own client and its own protocol, Messages.

The key is ``api_key``; Anthropic's own hosts get that of the environment without being told, no other host
does, and servers on this computer need none.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any, Literal

from pydantic import Field, SecretStr

from voicepipe.core.calls import Call, Host
from voicepipe.providers.anthropic_answer import Answer
from voicepipe.providers.anthropic_messages import messages_of, system_of, tools_of
from voicepipe.providers.anthropic_thoughts import Thoughts
from voicepipe.providers.base import LlmProvider, Message, TextDelta, ToolCall, ToolOffer
from voicepipe.providers.endpoint import CONNECT_S, Endpoint, EndpointConfig
from voicepipe.providers.sdk_connection import SdkConnection
from voicepipe.providers.token_tally import TokenTally

KEY_VARIABLE = "ANTHROPIC_API_KEY"

ANTHROPIC = Endpoint(
    provider="anthropic",
    kind="llm",
    vendor="Anthropic",
    extra="anthropic",
    url="https://api.anthropic.com",
    hosts=("api.anthropic.com",),
    key=KEY_VARIABLE,
)


class AnthropicConfig(EndpointConfig):
    endpoint = ANTHROPIC
    model: str = Field(min_length=1, max_length=200, description="claude-haiku-5-5, for example")
    base_url: str = ANTHROPIC.url_field()
    api_key: SecretStr | None = ANTHROPIC.key_field()
    max_tokens: int = Field(4096, ge=1, description="of one answer, thoughts included; the API demands one")
    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = Field(
        None, description="how much a model thinks and writes; the less, the sooner it speaks"
    )
    thinking: Literal["adaptive", "between_tools", "disabled"] | None = Field(
        None,
        description="before an answer; which of these a model can do differs, and so does its own choice",
    )
    cache: bool = Field(True, description="let the server remember the conversation so far for five minutes")


class _Connection(SdkConnection):
    package = "anthropic"

    async def _ask_for(self, model: str) -> list[str]:
        sdk, models = self.sdk, self.client.models
        try:
            await models.retrieve(model, timeout=CONNECT_S)
        except sdk.NotFoundError:
            page = await models.list(limit=100, timeout=CONNECT_S)
            listed = getattr(page, "data", None)
            return [one.id for one in listed] if isinstance(listed, list) else []
        return [model]

    def _make_client(self, key: str | None) -> Any:
        client = self.sdk.AsyncAnthropic(
            api_key=key or "none",  # without one the client would look for others, also in files
            base_url=self.url,
            max_retries=0,
            open_telemetry=False,
            http_client=self._http(
                {"authorization": f"Bearer {key}"} if key else {}, trusted=ANTHROPIC.is_own(self.url)
            ),
        )
        _ = client.models, client.messages  # imported when first touched
        return client


class Anthropic(LlmProvider):
    name = "anthropic"
    clock = "real"
    extra = "anthropic"
    packages = ("anthropic",)
    keys = (KEY_VARIABLE,)
    Config = AnthropicConfig
    config: AnthropicConfig

    def __init__(self, config: AnthropicConfig, host: Host) -> None:
        super().__init__(config, host)
        self._connection = _Connection(config, host)
        self._thoughts = Thoughts()

    async def start(self) -> None:
        """Connect, so that the first turn needn't, and ask for the model."""
        await self._connection.open(self.config.model)

    async def close(self) -> None:
        await self._connection.close()

    def check(self) -> list[str]:
        return self._connection.check()

    def _request(self, messages: Sequence[Message], tools: Sequence[ToolOffer]) -> dict[str, Any]:
        config = self.config
        optional = {
            "system": system_of(messages) or None,
            "tools": tools_of(tools) or None,
            "output_config": {"effort": config.effort} if config.effort else None,
            "thinking": {"type": config.thinking} if config.thinking else None,
            # Each turn sends the whole conversation again: what the turn before has sent is read ten times
            # as cheaply, and sooner. The mark moves on with the last block by itself.
            "cache_control": {"type": "ephemeral"} if config.cache else None,
        }
        request = {name: value for name, value in optional.items() if value is not None}
        return {
            "model": config.model,
            "max_tokens": config.max_tokens,
            "messages": messages_of(messages, self._thoughts.recall(request, messages)),
            "stream": True,
            **request,
        }

    async def generate(
        self, call: Call, messages: Sequence[Message], tools: Sequence[ToolOffer]
    ) -> AsyncIterator[TextDelta | ToolCall]:
        client, sdk = self._connection.client, self._connection.sdk
        request = self._request(messages, tools)
        sent = [request.get("system"), request["messages"], request.get("tools")]
        tally = TokenTally(call, len(json.dumps(sent, ensure_ascii=False)))
        stream = None
        try:
            stream = await client.messages.create(**request)
            # Closing the stream closes its connection, which tells the server to stop generating.
            async with stream, aclosing(self._events(stream, tally, request)) as events:
                async for event in events:
                    yield event
        except self._connection.failures as error:
            tally.billed = stream is not None or isinstance(error, sdk.APITimeoutError)
            raise self._connection.error(error) from None
        finally:
            tally.close()

    async def _events(
        self, stream: Any, tally: TokenTally, request: dict[str, Any]
    ) -> AsyncGenerator[TextDelta | ToolCall, None]:
        answer = Answer(self.name, tally)
        async for event in stream:
            for piece in answer.take(event):
                yield piece
        answer.finish()
        self._thoughts.keep(request, answer.blocks)
