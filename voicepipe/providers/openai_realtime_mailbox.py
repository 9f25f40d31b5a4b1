"""What waits for one call of a Realtime connection: events that one task delivers and another one reads."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

from voicepipe.errors import ProviderError
from voicepipe.providers.openai_realtime_events import PROVIDER
from voicepipe.providers.vendor_errors import bad_answer

MOST_BYTES = 32 << 20
"""Of a reply that nobody has read yet. The longest has 4,096 tokens: 205 s of audio, 13 MB in base64."""

Event = dict[str, Any]
Failure = Callable[[], ProviderError]
"""Makes the error anew for each that waits: an exception belongs to the place where it was raised."""


class Mailbox:
    """The events for one call. Once closed, it takes nothing but the end."""

    def __init__(self, *, in_band: bool = True) -> None:
        self.in_band = in_band
        """Whether a reply becomes a part of the conversation."""
        self.response_id: str | None = None
        self.closed = False
        self._events: deque[tuple[Event, int]] = deque()
        self._size = 0
        self._failure: Failure | None = None
        self._news = asyncio.Event()

    def put(self, event: Event, size: int) -> None:
        if self._failure is not None or (self.closed and event["type"] != "response.done"):
            return
        self._events.append((event, size))
        self._size += size
        if self._size > MOST_BYTES:
            self.fail(lambda: bad_answer(PROVIDER, f"a reply of more than {MOST_BYTES} bytes"))
        self._news.set()

    def fail(self, failure: Failure) -> None:
        """After what has come already."""
        self._failure = self._failure or failure
        self._news.set()

    def close(self) -> None:
        """Nobody wants the rest of it."""
        self.closed = True
        self._events.clear()
        self._size = 0

    async def get(self) -> Event:
        """The next event. Raises ``ProviderError`` where there will be none."""
        while not self._events:
            if self._failure is not None:
                raise self._failure()
            self._news.clear()
            await self._news.wait()
        event, size = self._events.popleft()
        self._size -= size
        return event
