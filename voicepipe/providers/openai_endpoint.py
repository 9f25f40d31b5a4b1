"""A server that speaks OpenAI's HTTP API, and the client that the providers for it share.

Protocol: https://platform.openai.com/docs/api-reference. ``Endpoint`` says whose server it is.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from voicepipe.core.calls import Host
from voicepipe.core.extras import missing, require
from voicepipe.core.names import did_you_mean
from voicepipe.core.units import SECOND
from voicepipe.errors import ProviderError, SetupError
from voicepipe.providers.base import ProviderKind
from voicepipe.providers.endpoint import (
    CONNECT_S,
    KEEP_ALIVE_S,
    Endpoint,
    EndpointConfig,
    how_to_start,
    is_loopback,
)
from voicepipe.providers.sdk_errors import as_provider_error
from voicepipe.providers.vendor_errors import not_started

OWN_URL = "https://api.openai.com/v1"
KEY_VARIABLE = "OPENAI_API_KEY"
OWN_HOSTS = ("api.openai.com", ".api.openai.com")
"""The regional ones included: eu.api.openai.com."""

_OUR_HEADERS = frozenset(
    {
        "accept",
        "accept-encoding",
        "authorization",
        "connection",
        "content-length",
        "content-type",
        "host",
        "transfer-encoding",
        "user-agent",
    }
)


def openai_itself(kind: ProviderKind) -> Endpoint:
    """OpenAI's own servers, for its provider of ``kind``."""
    return Endpoint(
        provider="openai",
        kind=kind,
        vendor="OpenAI",
        extra="local",
        url=OWN_URL,
        hosts=OWN_HOSTS,
        key=KEY_VARIABLE,
    )


class Connection:
    """A provider's client from ``open`` to ``close``; one for all sessions of a process."""

    def __init__(self, config: EndpointConfig, host: Host) -> None:
        self.endpoint = config.endpoint
        self.url = config.base_url
        self._config = config
        self._host = host
        self._key: str | None = None
        self._client: Any = None
        self.sdk: Any = None
        """The package ``openai``, once ``open`` has begun."""

    @property
    def client(self) -> Any:
        """The ``openai.AsyncOpenAI``; raises ``ProviderError`` before ``open`` and after ``close``."""
        if self._client is None:
            raise not_started(self.endpoint.provider)
        return self._client

    async def open(self, model: str, *, lists_all: bool = True) -> None:
        """Connect, so that the first turn needn't, and ask which models there are; raises ``SetupError``.

        ``lists_all``: a model that the server doesn't list is none that it has.
        """
        call = self._host.workers.call
        self.sdk = await call(
            lambda: require("openai", extra=self.endpoint.extra, purpose=self.endpoint.purpose)
        )
        self._key = self._config.find_key(self._host.env)
        if not self.endpoint.is_own(self.url) and self.url != self.endpoint.url:
            self._host.progress(f"{self.endpoint.kind} {self.endpoint.provider}: {model} at {self.url}")
        self._client = await call(
            partial(make_client, self.endpoint, self.url, self._key, self._config.read_timeout)
        )
        try:
            known = await self._models()
            if known and lists_all and not _has(model, known):
                raise SetupError(
                    f"the server at {self.url} has no model '{model}'.{did_you_mean(model, known)}",
                    hint=f"it has {', '.join(sorted(known)[:12])}{', …' if len(known) > 12 else ''}",
                )
        except BaseException:
            await self.close()
            raise

    async def _models(self) -> list[str]:
        """The models of the server; none if it doesn't tell."""
        url, sdk = self.url, self.sdk
        try:
            page = await self._client.models.list(timeout=CONNECT_S)
        except sdk.AuthenticationError:
            raise SetupError(
                f"the server at {url} refused the key" if self._key else f"the server at {url} wants a key",
                hint="check api_key"
                if self._config.api_key or not self._key
                else f"check {self.endpoint.key}",
            ) from None
        except sdk.APIConnectionError:
            raise SetupError(f"nothing answers at {url}", hint=how_to_start(url)) from None
        except (sdk.APIError, ValueError):
            return []  # there is a server, which can't list its models or is busy: a turn will show
        models = getattr(page, "data", None)
        if not isinstance(models, list) or any(model.owned_by == "llamacpp" for model in models):
            return []  # llama.cpp has one model and answers with it to any name
        return [model.id for model in models]

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    def check(self) -> list[str]:
        """What is missing for ``open`` to work, for ``doctor``."""
        if found := missing("openai", extra=self.endpoint.extra):
            return found
        try:
            self._config.find_key(self._host.env)
        except SetupError as error:
            return [str(error)]
        return []

    @property
    def failures(self) -> tuple[type[Exception], ...]:
        """What a request may raise, for ``except``; ``error`` says it in our terms."""
        return (self.sdk.APIError, ValueError)

    def error(self, error: Exception) -> ProviderError:
        """Raise it ``from None``: the client's own error repeats what the server said, maybe the key."""
        return as_provider_error(
            self.sdk, error, provider=self.endpoint.provider, url=self.url, key=self._key
        )


def _has(model: str, known: list[str]) -> bool:
    """Ollama's tag ``latest`` may be left out, and OpenRouter doesn't list its variants (``:nitro``)."""
    return not {model, f"{model}:latest", model.partition(":")[0]}.isdisjoint(known)


def make_client(endpoint: Endpoint, url: str, key: str | None, read_timeout_ns: int) -> Any:
    """An ``openai.AsyncOpenAI``; blocks for up to a second, since that imports most of the package.

    It doesn't retry: that is the work of the wrapper around a provider. TCP_NODELAY is set, as on all of
    asyncio's sockets. Redirects aren't followed, lest a conversation went elsewhere. To other hosts than
    OpenAI's go only the headers that the protocol needs: the client would add what it finds in
    OPENAI_ORG_ID, OPENAI_PROJECT_ID and OPENAI_CUSTOM_HEADERS.
    """
    sdk = require("openai", extra=endpoint.extra, purpose=endpoint.purpose)
    http = require("httpx2", extra=endpoint.extra, purpose=endpoint.purpose)
    authorization = f"Bearer {key}" if key else None

    async def only_what_is_needed(request: Any) -> None:
        for name in list(request.headers):
            if name not in _OUR_HEADERS:
                del request.headers[name]
        if authorization:
            request.headers["authorization"] = authorization
        elif "authorization" in request.headers:
            del request.headers["authorization"]

    openais = openai_itself(endpoint.kind).is_own(url)
    client = sdk.AsyncOpenAI(
        api_key=key or "none",  # without one the client would take that of the environment
        base_url=url,
        max_retries=0,
        http_client=sdk.DefaultAsyncHttpxClient(
            timeout=http.Timeout(read_timeout_ns / SECOND, connect=CONNECT_S),
            limits=http.Limits(keepalive_expiry=KEEP_ALIVE_S),
            follow_redirects=False,
            trust_env=not is_loopback(url),  # a proxy of the environment can't reach this computer's servers
            event_hooks={} if openais else {"request": [only_what_is_needed]},
        ),
    )
    _ = client.models, client.chat.completions  # imported when first touched: 60 ms of the first turn
    return client
