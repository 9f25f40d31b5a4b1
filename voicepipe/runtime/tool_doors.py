"""What tools of the outside world are reached through: opened before a call, closed after the last one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from voicepipe.core.calls import Workers
from voicepipe.core.masking import is_secret_name
from voicepipe.runtime.checked_transport import Resolve


@dataclass(frozen=True, slots=True)
class DoorHost:
    """What a door may use. ``mask`` hides what came from the environment; ``progress`` tells a person."""

    workers: Workers
    resolve: Resolve
    mask: Callable[[str], str] = str
    progress: Callable[[str], None] = lambda message: None


class Door(Protocol):
    """A server's client, shared by all sessions of a pipeline. It may be opened again after it was closed."""

    async def open(self, host: DoorHost) -> None:
        """Raises ``SetupError`` for what is missing or can't be reached, ``ConfigError`` for what may not."""
        ...

    async def close(self) -> None:
        """Leave nothing behind; bounded in time."""
        ...


def readable(text: str) -> Any:
    """What a server answered, as a result: JSON is parsed, since a model would pay for its indentation.

    A single number or text stays as it was written: 1.50 is a price, and 1.5 is another thing to say.
    """
    begin = text.lstrip()[:1]
    if begin not in ("{", "["):
        return text if begin else None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def told_secrets(given: Mapping[str, str]) -> Iterator[str]:
    """Of the headers or variables that a server is given, what it must not repeat to the model or the log."""
    for name, value in given.items():
        if is_secret_name(name):
            yield value
            yield from value.split()[1:]  # behind "Bearer"
