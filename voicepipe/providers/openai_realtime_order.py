"""In which order the items of a Realtime server's conversation stand, as far as that is told and needed.

Protocol: ``previous_item_id`` of the events ``conversation.item.added`` and ``input_audio_buffer.committed``,
and of our own ``conversation.item.create``.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

MOST_ITEMS = 200
"""The last ones. Only what stands before the caller's last utterances is ever asked for."""

ROOT = "root"
"""What stands before the first item, as the protocol names it."""


class Order:
    def __init__(self) -> None:
        self._before: OrderedDict[str, str] = OrderedDict()

    def note(self, event: dict[str, Any]) -> None:
        """An event of the server. What we have put between two items since, it doesn't know yet."""
        item_id = event.get("item_id")
        if event["type"] == "conversation.item.added":
            item = event.get("item")
            item_id = item.get("id") if isinstance(item, dict) else None
        elif event["type"] != "input_audio_buffer.committed":
            return
        before = event.get("previous_item_id")
        if isinstance(item_id, str) and item_id not in self._before:
            self._set(item_id, before if isinstance(before, str) else ROOT)

    def before(self, item_id: str) -> str | None:
        """What stands before it: an item, or ``ROOT``; None if that isn't known."""
        return self._before.get(item_id)

    def insert(self, item_id: str, after: str) -> None:
        """Put it between ``after`` and what followed."""
        for other, before in self._before.items():
            if before == after:
                self._before[other] = item_id
        self._set(item_id, after)

    def remove(self, item_id: str) -> None:
        gone = self._before.pop(item_id, None)
        for other, before in list(self._before.items()):
            if before == item_id and gone is not None:
                self._before[other] = gone
            elif before == item_id:
                del self._before[other]

    def _set(self, item_id: str, before: str) -> None:
        self._before[item_id] = before
        if len(self._before) > MOST_ITEMS:
            self._before.popitem(last=False)
