"""WebSocket connections to a vendor's server: opened with care, given up soon, their failures in our terms.

Protocol: RFC 6455, spoken by the package ``websockets``.
"""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, ClassVar

from voicepipe.core.calls import Host
from voicepipe.core.extras import missing, require
from voicepipe.errors import ProviderError, SetupError
from voicepipe.providers import vendor_errors as vendor
from voicepipe.providers.endpoint import CONNECT_S, EndpointConfig, how_to_start, is_loopback

CLOSE_S = 1.0
"""How long the other side has to answer a close; then the connection is cut."""

PING_S = 5.0
"""A peer that vanished without a word is noticed after at most two of these."""

MOST_BYTES = 8 << 20
"""Of one message. A minute of audio at 48 kHz, in base64; the package's own limit holds 16 s of a voice."""

_LOG = logging.getLogger("voicepipe.websockets")
_LOG.setLevel(logging.INFO)  # at DEBUG the package writes all headers down, the key among them

_SERVER_FAILED = frozenset({1011, 1012, 1013, 1014})
_NOT_UNDERSTOOD = frozenset({1002, 1003, 1007, 1009, 1010})
"""Close codes: https://www.iana.org/assignments/websocket/websocket.xhtml."""


class WebSockets:
    """Opens a provider's connections; one for all sessions of a process.

    The key goes into ``header``, after ``scheme``. Redirects aren't followed, lest a conversation went
    elsewhere.
    """

    most_waiting: ClassVar[int] = 16
    """Messages that may wait to be read; beyond it nothing is received, answers to pings neither."""

    def __init__(
        self, config: EndpointConfig, host: Host, *, header: str = "Authorization", scheme: str = "Bearer"
    ) -> None:
        self.endpoint = config.endpoint
        self.url = config.base_url
        self._config = config
        self._host = host
        self._header = header
        self._scheme = scheme
        self._key: str | None = None
        self._connect: Any = None
        self._package: Any = None
        self._tls: Any = None
        self.failures: tuple[type[Exception], ...] = ()
        """What a connection may raise, for ``except``, once ``load`` has returned; ``error`` says it in our
        terms."""

    async def load(self, model: str) -> None:
        """Import the package, find the key and the certificates; raises ``SetupError``."""
        self._key = self._config.find_key(self._host.env)
        if not self.endpoint.is_own(self.url):
            self._host.progress(f"{self.endpoint.kind} {self.endpoint.provider}: {model} at {self.url}")
        await self._host.workers.call(self._load)

    def _load(self) -> None:
        purpose = self.endpoint.purpose
        client = require("websockets.asyncio.client", extra=self.endpoint.extra, purpose=purpose)
        self._package = require("websockets.exceptions", extra=self.endpoint.extra, purpose=purpose)
        self._connect = type("Connect", (client.connect,), {"process_redirect": lambda _, error: error})
        self.failures = (OSError, self._package.WebSocketException)  # a TimeoutError is an OSError
        if self.url.startswith(("wss:", "https:")):
            import ssl  # noqa: PLC0415 - 10 ms that a pipeline without cloud providers doesn't need

            self._tls = ssl.create_default_context()  # reads files: 20 ms, too long for the event loop

    async def open(self, path: str, headers: Mapping[str, str] | None = None) -> Any:
        """A ``websockets`` connection to ``path`` (with its query) under the server's address.

        Raises ``ProviderError``.
        """
        if self._connect is None:
            raise vendor.not_started(self.endpoint.provider)
        sent = dict(headers or {})
        if self._key:
            sent[self._header] = f"{self._scheme} {self._key}".lstrip()
        try:
            return await self._connect(
                f"ws{self.url.removeprefix('http').removeprefix('ws')}{path}",
                additional_headers=sent,
                user_agent_header="voicepipe",
                compression=None,  # audio doesn't get smaller
                open_timeout=CONNECT_S,
                close_timeout=CLOSE_S,
                ping_interval=PING_S,
                ping_timeout=PING_S,
                max_size=MOST_BYTES,
                max_queue=self.most_waiting,
                proxy=None if is_loopback(self.url) else True,  # a proxy can't reach this computer's servers
                logger=_LOG,
                **({"ssl": self._tls} if self._tls else {}),
            )
        except self.failures as error:
            raise self.error(error) from None

    async def close(self) -> None:
        self._connect = None

    def told(self, words: str) -> str:
        """What the server said, as it may be passed on: without the key, on one line."""
        return vendor.one_line(words, self._key)

    def error(self, error: Exception) -> ProviderError:
        """Raise it ``from None``: the package's own error may repeat what the server said."""
        name, package = self.endpoint.provider, self._package
        if isinstance(error, package.InvalidStatus):
            answer = error.response
            reason = self.told(_reason(answer.body or b""))
            if answer.status_code < 400:
                return vendor.bad_answer(name, f"{self.url} answered {answer.status_code}: {reason}")
            spent = answer.status_code == 402
            return vendor.refused(name, answer.status_code, reason, headers=answer.headers, spent=spent)
        if isinstance(error, package.ConnectionClosed):
            return self._closed(error)
        if isinstance(error, TimeoutError):
            return vendor.too_late(name, f"{self.url} did not answer in time")
        if isinstance(error, OSError):
            return vendor.broken_off(name, f"the connection to {self.url} failed")
        return vendor.bad_answer(name, f"{self.url} doesn't speak WebSocket: {type(error).__name__}")

    def _closed(self, error: Any) -> ProviderError:
        """A connection that ended while it was needed; ``status`` is the close code."""
        name, frame = self.endpoint.provider, error.rcvd or error.sent
        if frame is None:
            return vendor.broken_off(name, f"the connection to {self.url} broke off")
        if error.rcvd is None and frame.code == 1011:  # the package's own farewell, after pings in vain
            return vendor.broken_off(name, f"{self.url} doesn't answer any more")
        reason = self.told(f"({frame.code}) {frame.reason}")
        if frame.code in _SERVER_FAILED:
            failure = vendor.failed(name, f"the server gave up {reason}")
        elif frame.code in _NOT_UNDERSTOOD:
            failure = vendor.bad_answer(name, f"the connection ended {reason}")
        elif frame.code == 1008:
            failure = ProviderError(
                f"the server refused to go on {reason}", provider=name, kind="bad_request"
            )
        else:
            failure = vendor.broken_off(name, f"the server closed the connection {reason}")
        failure.status = frame.code
        return failure

    @asynccontextmanager
    async def trying(self, close: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
        """For a first connection, before any call: what a call needn't find out is a ``SetupError``, raised
        after ``close``; whatever else fails is passed over, since the server may be back by then."""
        try:
            yield
        except ProviderError as error:
            if setup := self._setup_error(error):
                await close()
                raise setup from None

    def _setup_error(self, error: ProviderError) -> SetupError | None:
        """What ``error`` means before any call has begun; None if a call had better find out."""
        if error.kind == "authentication":
            written = self._config.api_key or not self._key
            return SetupError(
                f"the server at {self.url} refused the key"
                if self._key
                else f"the server at {self.url} wants a key",
                hint="check api_key" if written else f"check {self.endpoint.key}",
            )
        if error.kind in ("connection", "timeout"):
            return SetupError(f"nothing answers at {self.url}", hint=how_to_start(self.url))
        return SetupError(error.message, hint=error.hint) if error.kind == "bad_request" else None

    def check(self) -> list[str]:
        """What is missing for ``load`` to work, for ``doctor``."""
        if found := missing("websockets", extra=self.endpoint.extra):
            return found
        try:
            self._config.find_key(self._host.env)
        except SetupError as error:
            return [error.message]
        return []


def _reason(body: bytes) -> str:
    """The sentence in a refusal: most vendors send JSON, under one of a few names."""
    text = body.decode("utf-8", "replace")
    try:
        found = json.loads(text)
    except ValueError:
        return text
    inner = found.get("error") if isinstance(found, dict) else None
    for part in (inner, found):
        for name in ("message", "err_msg", "detail"):
            if isinstance(part, dict) and isinstance(part.get(name), str):
                return str(part[name])
    return text
