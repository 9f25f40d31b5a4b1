"""What somebody should know while calls go on: an objective is missed, a budget is nearly spent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Alert:
    """``kind`` is for programs (``objective_missed``), ``text`` a sentence for people; ``data`` the figures,
    with nothing in it but what JSON has."""

    kind: str
    text: str
    data: Mapping[str, Any] = field(default_factory=dict)


OnAlert = Callable[[Alert], None]


class Alerts:
    """Of one pipeline: who is to be told."""

    def __init__(self) -> None:
        self._callbacks: list[OnAlert] = []

    def add(self, callback: OnAlert) -> None:
        """Call ``callback`` with each alert from now on."""
        self._callbacks.append(callback)

    def tell(self, alert: Alert) -> None:
        """Only from the running event loop, which calls everybody as soon as it is free.

        So no call waits for a callback, and what one raises goes to the loop's exception handler.
        """
        loop = asyncio.get_running_loop()
        for callback in self._callbacks:
            loop.call_soon(callback, alert)
