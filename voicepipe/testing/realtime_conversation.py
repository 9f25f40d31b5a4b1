"""The conversation that a Realtime server keeps: items in an order, and what they cost."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from voicepipe.testing.realtime_wire import Refused

LONGEST_ID = 32
"""Characters of an item's id, as the real server has it."""

USER_TOKENS_PER_SECOND = 10
ASSISTANT_TOKENS_PER_SECOND = 20
CHARACTERS_PER_TOKEN = 4
"""https://developers.openai.com/api/docs/guides/realtime-costs; text by the usual rule of thumb."""

_CONTENT = {
    "user": {"input_text", "input_audio", "input_image"},
    "assistant": {"output_text"},
    "system": {"input_text"},
}


@dataclass(slots=True)
class Item:
    wire: dict[str, Any]
    """As the protocol has it."""
    audio_ms: float = 0.0
    """Length of its audio."""

    @property
    def id(self) -> str:
        return str(self.wire["id"])

    @property
    def role(self) -> str | None:
        role = self.wire.get("role")
        return role if isinstance(role, str) else None

    def tokens(self) -> tuple[int, int]:
        """Those of its text and of its audio, as input."""
        rate = ASSISTANT_TOKENS_PER_SECOND if self.role == "assistant" else USER_TOKENS_PER_SECOND
        if self.role is None:
            return text_tokens(json.dumps(self.wire)), 0
        # What was said isn't billed again as text when it is there as audio.
        words = [str(part.get("text") or "") for part in self.wire["content"]]
        return text_tokens("".join(words)), round(self.audio_ms * rate / 1000)


@dataclass(slots=True)
class Conversation:
    """``add`` and the rest raise ``Refused`` with what the real server would say."""

    items: list[Item] = field(default_factory=list)
    _numbers: count[int] = field(default_factory=lambda: count(1))

    def new_id(self) -> str:
        return f"item_{next(self._numbers):06d}"

    def find(self, item_id: str) -> Item | None:
        return next((item for item in self.items if item.id == item_id), None)

    @property
    def last_id(self) -> str | None:
        return self.items[-1].id if self.items else None

    def create(self, wire: dict[str, Any], after: str | None) -> tuple[Item, str | None]:
        """A client's item, and the id of the one before it. ``after``: an id, ``root``, or None: the end."""
        self._check(wire)
        item_id = wire.get("id") or self.new_id()
        item = Item({"object": "realtime.item", "status": "completed", **wire, "id": item_id})
        if after is None:
            return item, self.append(item)
        if after == "root":
            self.items.insert(0, item)
            return item, None
        before = self.find(after)
        if before is None:
            raise Refused(f"Error adding item: the previous item with id '{after}' does not exist.")
        self.items.insert(self.items.index(before) + 1, item)
        return item, after

    def append(self, item: Item) -> str | None:
        """Put ``item`` at the end; the id of the one before it."""
        before = self.last_id
        self.items.append(item)
        return before

    def before(self, item: Item) -> str | None:
        """The id of the one before ``item``; None if it is the first, or gone."""
        index = self.items.index(item) if item in self.items else 0
        return self.items[index - 1].id if index else None

    def _check(self, wire: dict[str, Any]) -> None:
        item_id = wire.get("id")
        if item_id is not None and len(item_id) > LONGEST_ID:
            raise Refused(
                f"Invalid 'item.id': string too long. Expected a string with maximum length {LONGEST_ID}.",
                "string_above_max_length",
                "item.id",
            )
        if item_id is not None and self.find(item_id):
            raise Refused(f"Error adding item: an item with id '{item_id}' already exists.", param="item.id")
        if wire["type"] == "message":
            for part in wire["content"]:
                if part.get("type") not in _CONTENT[wire["role"]]:
                    expected = ", ".join(sorted(_CONTENT[wire["role"]]))
                    raise Refused(f"Invalid value: '{part.get('type')}'. Supported values are: {expected}.")
        elif wire["type"] == "function_call_output":
            calls = {item.wire.get("call_id") for item in self.items if item.wire["type"] == "function_call"}
            if wire["call_id"] not in calls:
                raise Refused(
                    f"Tool call ID '{wire['call_id']}' not found in conversation.", "invalid_tool_call_id"
                )

    def delete(self, item_id: str) -> None:
        item = self.find(item_id)
        if item is None:
            raise Refused(
                f"Error deleting item: the item with id '{item_id}' does not exist.",
                "item_delete_invalid_item_id",
            )
        self.items.remove(item)

    def truncate(self, item_id: str, content_index: int, audio_end_ms: int) -> None:
        item = self.find(item_id)
        if item is None:
            raise Refused(
                f"Error truncating item: the item with id '{item_id}' does not exist.",
                "item_truncate_invalid_item_id",
            )
        content = item.wire.get("content") or []
        if item.role != "assistant" or not content or content[0]["type"] != "output_audio":
            raise Refused("Only model output audio messages can be truncated.")
        if content_index != 0:
            raise Refused("Expected the content part 0.", param="content_index")
        if not 0 <= audio_end_ms <= item.audio_ms:
            raise Refused(
                f"Audio content of {item.audio_ms:.0f}ms is already shorter than {audio_end_ms}ms",
                param="audio_end_ms",
            )
        item.audio_ms = audio_end_ms
        content[0]["transcript"] = ""  # nobody knows which of the words were heard

    def tokens(self) -> tuple[int, int]:
        """Text and audio of all items."""
        pairs = [item.tokens() for item in self.items]
        return sum(text for text, _ in pairs), sum(audio for _, audio in pairs)


def text_tokens(text: str) -> int:
    return -(-len(text) // CHARACTERS_PER_TOKEN)
