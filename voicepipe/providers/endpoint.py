"""Where a vendor's or a compatible server is, and which key goes there.

A well-known key of the environment (``OPENAI_API_KEY``, …) goes to its vendor's own hosts without being
written down, and to no other host. Another host needs an ``api_key`` that is written for it; a server on this
computer needs none, and is the only one that may be reached without TLS.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from voicepipe.core.addresses import is_loopback_host
from voicepipe.core.units import SECOND, Duration
from voicepipe.errors import SetupError
from voicepipe.providers.base import ProviderConfig, ProviderKind

CONNECT_S = 5.0
"""A TCP and TLS handshake around the world takes 1 s; a caller doesn't wait longer than this anyway."""

KEEP_ALIVE_S = 120.0
"""Between two turns a caller may be silent for a while, and a new TLS connection costs two round trips. A
connection that the server has closed meanwhile is noticed before it is used."""

_PLAIN_URL = re.compile(r"(?:https?|wss?)://[A-Za-z0-9.:\[\]_-]+(?:/[A-Za-z0-9._~/%-]*)?")
"""No user, query or fragment, and nothing that two URL parsers could read differently."""

_SERVERS = {11434: "ollama serve", 8000: "vllm serve MODEL", 8080: "llama-server -m FILE.gguf"}
"""The ports on which well-known servers listen unless told otherwise, and how they are started."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One provider's servers: ``Endpoint(provider="groq", kind="llm", vendor="Groq", …)``."""

    provider: str
    """The name that users write: ``groq``."""
    kind: ProviderKind
    vendor: str
    """Whose hosts they are, for people: ``Groq``."""
    extra: str
    """The extra that installs the client."""
    url: str | None = None
    """The server that is asked unless ``base_url`` is given; None: it has to be."""
    hosts: tuple[str, ...] = ()
    """The vendor's own: ``api.groq.com``; with a dot before it, all hosts under it."""
    key: str | None = None
    """The environment variable whose value goes to ``hosts``."""
    example: str = ""
    """What ``base_url`` may look like, where it has to be written."""

    @property
    def purpose(self) -> str:
        return f"{self.kind} '{self.provider}'"

    def is_own(self, url: str) -> bool:
        """Whether ``url`` is on one of the vendor's own hosts."""
        host = urlsplit(url).hostname or ""
        return any(host.endswith(own) if own.startswith(".") else host == own for own in self.hosts)

    def find_key(self, url: str, written: str | None, env: Mapping[str, str] = os.environ) -> str | None:
        """The key for ``url``: the one that was written, or for the vendor's own hosts that of ``env``.

        None where none is needed. Raises ``SetupError`` where one is.
        """
        if written:
            return written
        if self.key is None or not self.is_own(url):
            return None
        if key := env.get(self.key, "").strip():
            return key
        raise SetupError(
            f"{self.purpose} needs a key, and the environment has no {self.key}",
            hint=f"set {self.key}, or write it into a file .env beside the pipeline's file",
        )

    def url_field(self) -> Any:
        """The field ``base_url`` of a config."""
        if self.url is None:
            return Field(description=f"such as {self.example}")
        return Field(self.url, description="of another server that speaks the same protocol")

    def key_field(self) -> Any:
        """The field ``api_key`` of a config."""
        read = f"for {self.vendor}'s own hosts {self.key} is read" if self.key else "if the server wants one"
        return Field(None, description=read)


class EndpointConfig(ProviderConfig):
    """The keys of a provider that talks to a server.

    A subclass has ``endpoint``, ``base_url: str = endpoint.url_field()`` and
    ``api_key: SecretStr | None = endpoint.key_field()``.
    """

    endpoint: ClassVar[Endpoint]
    base_url: str
    api_key: SecretStr | None = None
    read_timeout: Duration = Field(60 * SECOND, description="silence of the server that is an error")

    @field_validator("base_url")
    @classmethod
    def _address(cls, url: str) -> str:
        return checked_url(url)

    @model_validator(mode="after")
    def _key_for_strangers(self) -> Self:
        own = self.endpoint.key is not None and self.endpoint.is_own(self.base_url)
        if not (self.api_key or own or is_loopback(self.base_url)):
            key, vendor = self.endpoint.key, self.endpoint.vendor
            why = f": {key} goes to {vendor}'s own hosts only" if key else ", which isn't this computer"
            raise ValueError(f"api_key is needed for {self.base_url}{why}")
        return self

    def find_key(self, env: Mapping[str, str]) -> str | None:
        """The key that goes to ``base_url``, None if none does; raises ``SetupError`` if it is missing."""
        written = self.api_key.get_secret_value() if self.api_key else None
        return self.endpoint.find_key(self.base_url, written, env)


def checked_url(url: str) -> str:
    """``url`` (http, https, ws, wss) without a slash at its end; a ``ValueError`` says what is wrong."""
    if not _PLAIN_URL.fullmatch(url):
        raise ValueError("expected an address such as http://localhost:11434/v1, without a user or a query")
    parts = urlsplit(url)
    if not parts.hostname:
        raise ValueError("the address has no host")
    _ = parts.port  # raises ValueError for one that isn't a port
    if parts.scheme in ("http", "ws") and not is_loopback(url):
        safe = f"{parts.scheme}s"
        raise ValueError(
            f"{parts.scheme} sends what callers say in the clear; expected {safe}, or a loopback address"
        )
    return url.rstrip("/")


def is_loopback(url: str) -> bool:
    return is_loopback_host(urlsplit(url).hostname or "")


def how_to_start(url: str) -> str:
    """What to do if nothing answers at ``url``."""
    if not is_loopback(url):
        return "check the address and this computer's connection to the network"
    command = _SERVERS.get(urlsplit(url).port or 80)
    return f"start the server there, with: {command}" if command else "start the server there"
