"""The Python clients of OpenAI and of Anthropic, from a provider's ``start`` to its ``close``.

Both are made by one generator: they have the same options, and errors of the same names. Neither retries
here; that is the work of the wrapper around a provider.
"""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from typing import Any, ClassVar

from voicepipe.core.calls import Host
from voicepipe.core.extras import missing, require
from voicepipe.core.names import did_you_mean
from voicepipe.core.units import SECOND
from voicepipe.errors import ProviderError, SetupError
from voicepipe.providers.endpoint import (
    CONNECT_S,
    KEEP_ALIVE_S,
    EndpointConfig,
    how_to_start,
    is_loopback,
)
from voicepipe.providers.sdk_errors import as_provider_error
from voicepipe.providers.vendor_errors import not_started, one_line

_OUR_HEADERS = frozenset(
    {
        "accept",
        "accept-encoding",
        "anthropic-version",
        "connection",
        "content-length",
        "content-type",
        "host",
        "transfer-encoding",
        "user-agent",
    }
)
"""All that the protocols need, the key apart. The clients would add what they find in the environment:
OPENAI_ORG_ID, OPENAI_PROJECT_ID, OPENAI_CUSTOM_HEADERS, ANTHROPIC_CUSTOM_HEADERS."""

_MOST_NAMED = 12
"""Models that an error names, of the hundreds that a server may have."""


class SdkConnection(ABC):
    """A provider's client; one for all sessions of a process."""

    package: ClassVar[str]

    def __init__(self, config: EndpointConfig, host: Host) -> None:
        self.endpoint = config.endpoint
        self.url = config.base_url
        self._config = config
        self._host = host
        self._key: str | None = None
        self._client: Any = None
        self.sdk: Any = None
        """The package, once ``open`` has begun."""

    @property
    def client(self) -> Any:
        """The package's asynchronous client; raises ``ProviderError`` before ``open`` and after ``close``."""
        if self._client is None:
            raise not_started(self.endpoint.provider)
        return self._client

    async def open(self, model: str, *, lists_all: bool = True) -> None:
        """Connect, so that the first turn needn't, and ask for the model; raises ``SetupError``.

        ``lists_all``: a model that the server doesn't list is none that it has.
        """
        self.sdk = await self._host.workers.call(
            lambda: require(self.package, extra=self.endpoint.extra, purpose=self.endpoint.purpose)
        )
        self._key = self._config.find_key(self._host.env)
        if not self.endpoint.is_own(self.url) and self.url != self.endpoint.url:
            self._host.progress(f"{self.endpoint.kind} {self.endpoint.provider}: {model} at {self.url}")
        self._client = await self._host.workers.call(lambda: self._make_client(self._key))
        try:
            known = await self._known_models(model)
            if known and lists_all and not _has(model, known):
                raise SetupError(
                    f"the server at {self.url} has no model '{model}'.{did_you_mean(model, known)}",
                    hint=f"it has {', '.join(sorted(known)[:_MOST_NAMED])}"
                    f"{', …' if len(known) > _MOST_NAMED else ''}",
                )
        except BaseException:
            await self.close()
            raise

    async def _known_models(self, model: str) -> list[str]:
        sdk, url = self.sdk, self.url
        try:
            return await self._ask_for(model)
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

    @abstractmethod
    async def _ask_for(self, model: str) -> list[str]:
        """The server's models, at least if ``model`` isn't one of them; none if it doesn't tell."""

    @abstractmethod
    def _make_client(self, key: str | None) -> Any:
        """The client; may block for a second, since that imports most of the package."""

    def _http(self, authorization: dict[str, str], *, trusted: bool) -> Any:
        """The HTTP client below; ``authorization`` is the header of that name, or its like.

        TCP_NODELAY is set, as on all of asyncio's sockets. Redirects aren't followed, lest a conversation
        went elsewhere. Unless the host is ``trusted`` with what the environment holds for the package's
        vendor, only what is needed is sent.
        """
        http: Any = importlib.import_module("httpx2")  # which the package needs

        async def only_what_is_needed(request: Any) -> None:
            for name in list(request.headers):
                if name not in _OUR_HEADERS:
                    del request.headers[name]
            request.headers.update(authorization)

        # Not the package's own subclass: Anthropic's goes through a proxy of the environment in any case.
        return http.AsyncClient(
            timeout=http.Timeout(self._config.read_timeout / SECOND, connect=CONNECT_S),
            limits=http.Limits(keepalive_expiry=KEEP_ALIVE_S),
            follow_redirects=False,
            trust_env=not is_loopback(self.url),  # a proxy can't reach this computer's servers
            event_hooks={} if trusted else {"request": [only_what_is_needed]},
        )

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    def check(self) -> list[str]:
        """What is missing for ``open`` to work, for ``doctor``."""
        if found := missing(self.package, extra=self.endpoint.extra):
            return found
        try:
            self._config.find_key(self._host.env)
        except SetupError as error:
            return [str(error)]
        return []

    @property
    def failures(self) -> tuple[type[Exception], ...]:
        """What a request may raise, for ``except``; ``error`` says it in our terms."""
        http: Any = importlib.import_module("httpx2")  # its own errors come out of a stream
        return (self.sdk.APIError, http.HTTPError, ValueError)

    def told(self, words: str) -> str:
        """What the server said, as it may be passed on: without the key, on one line."""
        return one_line(words, self._key)

    def error(self, error: Exception) -> ProviderError:
        """Raise it ``from None``: the client's own error repeats what the server said, maybe the key."""
        return as_provider_error(
            self.sdk, error, provider=self.endpoint.provider, url=self.url, key=self._key
        )


def _has(model: str, known: list[str]) -> bool:
    """Ollama's tag ``latest`` may be left out, and OpenRouter doesn't list its variants (``:nitro``)."""
    return not {model, f"{model}:latest", model.partition(":")[0]}.isdisjoint(known)
