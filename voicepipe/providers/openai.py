"""A language model behind OpenAI's Chat Completions: OpenAI itself, Ollama, vLLM, llama.cpp, Groq and others.

The server is ``base_url``. Its key is ``api_key``; OpenAI's own hosts get that of the environment without
being told, no other host does, and servers on this computer need none.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from functools import partial
from typing import Any, Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from voicepipe.core.calls import Call, Host
from voicepipe.core.extras import install_command, installed, require
from voicepipe.core.names import did_you_mean
from voicepipe.core.units import SECOND, Duration
from voicepipe.errors import ProviderError, SetupError
from voicepipe.providers import openai_chat as chat
from voicepipe.providers import openai_endpoint as endpoint
from voicepipe.providers.base import LlmProvider, Message, ProviderConfig, TextDelta, ToolCall, ToolOffer
from voicepipe.providers.openai_errors import as_provider_error, bad_answer, broken_off


class OpenAIConfig(ProviderConfig):
    model: str = Field(min_length=1, max_length=200, description="as the server calls it")
    base_url: str = Field(endpoint.OWN_URL, description="http://localhost:11434/v1 is Ollama's")
    api_key: SecretStr | None = Field(None, description="for OpenAI's own hosts OPENAI_API_KEY is read")
    max_tokens: int | None = Field(None, ge=1, description="of one answer")
    temperature: float | None = Field(None, ge=0, le=2, description="the server's own unless given")
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None = Field(
        None, description="how long a model that reasons may think; the less, the sooner it speaks"
    )
    read_timeout: Duration = Field(60 * SECOND, description="silence of the server that is an error")

    @field_validator("base_url")
    @classmethod
    def _address(cls, url: str) -> str:
        return endpoint.checked_url(url)

    @model_validator(mode="after")
    def _key_for_strangers(self) -> Self:
        url = self.base_url
        if not (self.api_key or endpoint.is_own(url) or endpoint.is_loopback(url)):
            raise ValueError(
                f"api_key is needed for {url}: {endpoint.KEY_VARIABLE} goes to OpenAI's own hosts only"
            )
        return self


class OpenAI(LlmProvider):
    name = "openai"
    clock = "real"
    extra = "local"
    packages = ("openai",)
    keys = (endpoint.KEY_VARIABLE,)
    Config = OpenAIConfig
    config: OpenAIConfig

    def __init__(self, config: OpenAIConfig, host: Host) -> None:
        super().__init__(config, host)
        self._sdk: Any = None
        self._client: Any = None
        self._key: str | None = None

    async def start(self) -> None:
        """Connect, so that the first turn needn't, and ask which models there are."""
        self._sdk = await self.host.workers.call(
            lambda: require("openai", extra="local", purpose=endpoint.PURPOSE)
        )
        url = self.config.base_url
        self._key = self._find_key()
        if not endpoint.is_own(url):
            self.host.progress(f"llm openai: {self.config.model} at {url}")
        self._client = await self.host.workers.call(
            partial(endpoint.make_client, url, self._key, self.config.read_timeout)
        )
        try:
            await self._ask_for_models()
        except BaseException:
            await self.close()
            raise

    async def _ask_for_models(self) -> None:
        url, sdk = self.config.base_url, self._sdk
        try:
            page = await self._client.models.list(timeout=endpoint.CONNECT_S)
        except sdk.AuthenticationError:
            raise SetupError(
                f"the server at {url} refused the key" if self._key else f"the server at {url} wants a key",
                hint="check api_key"
                if self.config.api_key or not self._key
                else f"check {endpoint.KEY_VARIABLE}",
            ) from None
        except sdk.APIConnectionError:
            raise SetupError(f"nothing answers at {url}", hint=endpoint.how_to_start(url)) from None
        except (sdk.APIError, ValueError):
            return  # there is a server, which can't list its models or is busy: a turn will show
        models = getattr(page, "data", None)
        if not isinstance(models, list) or any(model.owned_by == "llamacpp" for model in models):
            return  # llama.cpp has one model and answers with it to any name
        known = [model.id for model in models]
        wanted = self.config.model
        if known and wanted not in known and f"{wanted}:latest" not in known:
            raise SetupError(
                f"the server at {url} has no model '{wanted}'.{did_you_mean(wanted, known)}",
                hint=f"it has {', '.join(sorted(known)[:12])}{', …' if len(known) > 12 else ''}",
            )

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    def check(self) -> list[str]:
        if not installed("openai"):
            return [f"the package 'openai' is not installed: {install_command('local')}"]
        try:
            self._find_key()
        except SetupError as error:
            return [str(error)]
        return []

    def _find_key(self) -> str | None:
        written = self.config.api_key
        key = written.get_secret_value() if written else None
        return endpoint.find_key(self.config.base_url, key, self.host.env)

    def _request(self, messages: Sequence[Message], tools: Sequence[ToolOffer]) -> dict[str, Any]:
        config = self.config
        # OpenAI has renamed max_tokens, and its newer models refuse the old name; others know only that.
        limit = "max_completion_tokens" if endpoint.is_own(config.base_url) else "max_tokens"
        optional = {
            limit: config.max_tokens,
            "temperature": config.temperature,
            "reasoning_effort": config.reasoning_effort,
            "tools": chat.tools_of(tools) or None,
        }
        return {
            "model": config.model,
            "messages": chat.messages_of(messages),
            "stream": True,
            "stream_options": {"include_usage": True},
            **{name: value for name, value in optional.items() if value is not None},
        }

    async def generate(
        self, call: Call, messages: Sequence[Message], tools: Sequence[ToolOffer]
    ) -> AsyncIterator[TextDelta | ToolCall]:
        if self._client is None:
            raise ProviderError("used before start() or after close()", provider=self.name, kind="internal")
        request = self._request(messages, tools)
        tally = chat.Tally(call, request)
        stream = None
        try:
            stream = await self._client.chat.completions.create(**request)
            # Closing the stream closes its connection, which tells the server to stop generating.
            async with aclosing(stream), aclosing(self._events(stream, tally)) as events:
                async for event in events:
                    yield event
        except (self._sdk.APIError, ValueError) as error:
            arrived = stream is not None or isinstance(error, self._sdk.APITimeoutError)
            tally.billed = arrived
            # The SDK's own error repeats what the server said, which may be the key.
            raise as_provider_error(self._sdk, error, url=self.config.base_url, key=self._key) from None
        finally:
            tally.close()

    async def _events(self, stream: Any, tally: chat.Tally) -> AsyncGenerator[TextDelta | ToolCall, None]:
        calls = chat.PartialCalls()
        finish: str | None = None
        async for chunk in stream:
            tally.report(getattr(chunk, "usage", None))
            if tally.received > chat.LONGEST_ANSWER:
                raise bad_answer(f"the answer is longer than {chat.LONGEST_ANSWER} characters")
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
            raise broken_off("the server ended the stream before the answer was complete")
        if finish == "content_filter" and not tally.received:
            raise bad_answer("the server's content filter withheld the answer")
