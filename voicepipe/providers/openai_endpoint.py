"""Which server the ``openai`` LLM talks to, which key goes there, and the HTTP client that does."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from voicepipe.core.extras import require
from voicepipe.core.units import SECOND
from voicepipe.errors import SetupError

PURPOSE = "llm 'openai'"
OWN_URL = "https://api.openai.com/v1"
KEY_VARIABLE = "OPENAI_API_KEY"

CONNECT_S = 5.0
"""A TCP and TLS handshake around the world takes 1 s; a caller doesn't wait longer than this anyway."""

KEEP_ALIVE_S = 120.0
"""Between two turns a caller may be silent for a while, and a new TLS connection costs two round trips. The
default is 5 s. A connection that the server has closed meanwhile is noticed before it is used."""

_PLAIN_URL = re.compile(r"https?://[A-Za-z0-9.:\[\]_-]+(?:/[A-Za-z0-9._~/%-]*)?")
"""No user, query or fragment, and nothing that two URL parsers could read differently."""

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

_SERVERS = {11434: "ollama serve", 8000: "vllm serve MODEL", 8080: "llama-server -m FILE.gguf"}
"""The ports on which well-known servers listen unless told otherwise, and how they are started."""


def checked_url(url: str) -> str:
    """``url`` without a slash at its end; a ``ValueError`` says why it can't be used."""
    if not _PLAIN_URL.fullmatch(url):
        raise ValueError("expected an address such as http://localhost:11434/v1, without a user or a query")
    parts = urlsplit(url)
    if not parts.hostname:
        raise ValueError("the address has no host")
    _ = parts.port  # raises ValueError for one that isn't a port
    if parts.scheme != "https" and not is_loopback(url):
        raise ValueError("http sends what callers say in the clear; expected https, or a loopback address")
    return url.rstrip("/")


def is_own(url: str) -> bool:
    """Whether it is one of OpenAI's own hosts, the regional ones included."""
    host = urlsplit(url).hostname or ""
    return host == "api.openai.com" or host.endswith(".api.openai.com")


def is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def find_key(url: str, written: str | None, env: Mapping[str, str] = os.environ) -> str | None:
    """The key for ``url``: the one that was written, or for OpenAI's own hosts that of ``env``.

    None where none is needed. Raises ``SetupError`` where one is.
    """
    if written:
        return written
    if not is_own(url):
        return None
    if key := env.get(KEY_VARIABLE, "").strip():
        return key
    raise SetupError(
        f"{PURPOSE} needs a key, and the environment has no {KEY_VARIABLE}",
        hint=f"set {KEY_VARIABLE}, or write it into a file .env beside the pipeline's file",
    )


def how_to_start(url: str) -> str:
    """What to do if nothing answers at ``url``."""
    if not is_loopback(url):
        return "check the address and this computer's connection to the network"
    command = _SERVERS.get(urlsplit(url).port or 80)
    return f"start the server there, with: {command}" if command else "start the server there"


def make_client(url: str, key: str | None, read_timeout_ns: int) -> Any:
    """An ``openai.AsyncOpenAI``; blocks for up to a second, since that imports most of the package.

    It doesn't retry: that is the work of the wrapper around a provider. TCP_NODELAY is set, as on all of
    asyncio's sockets. Redirects aren't followed, lest a conversation went elsewhere. To other hosts than
    OpenAI's go only the headers that the protocol needs: the client would add what it finds in
    OPENAI_ORG_ID, OPENAI_PROJECT_ID and OPENAI_CUSTOM_HEADERS.
    """
    sdk = require("openai", extra="local", purpose=PURPOSE)
    http = require("httpx2", extra="local", purpose=PURPOSE)
    authorization = f"Bearer {key}" if key else None

    async def only_what_is_needed(request: Any) -> None:
        for name in list(request.headers):
            if name not in _OUR_HEADERS:
                del request.headers[name]
        if authorization:
            request.headers["authorization"] = authorization
        elif "authorization" in request.headers:
            del request.headers["authorization"]

    client = sdk.AsyncOpenAI(
        api_key=key or "none",  # without one the client would take that of the environment
        base_url=url,
        max_retries=0,
        http_client=sdk.DefaultAsyncHttpxClient(
            timeout=http.Timeout(read_timeout_ns / SECOND, connect=CONNECT_S),
            limits=http.Limits(keepalive_expiry=KEEP_ALIVE_S),
            follow_redirects=False,
            trust_env=not is_loopback(url),  # a proxy of the environment can't reach this computer's servers
            event_hooks={} if is_own(url) else {"request": [only_what_is_needed]},
        ),
    )
    _ = client.models, client.chat.completions  # imported when first touched: 60 ms of the first turn
    return client
