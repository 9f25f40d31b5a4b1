"""What a model thought before it called tools: it wants that back together with their results.

https://platform.claude.com/docs/en/build-with-claude/thinking-tool-workflows: the assistant's message has to
come back as it was, its ``thinking`` and ``redacted_thinking`` blocks with their signatures included. They
are valid only after the very messages that led to them (.../preserved-thinking), and needed only until the
reply is complete. No other vendor has such a thing, so ``Message`` doesn't carry it: it is kept here, by the
id of the first call. Where it is gone (another process took over) the message goes without it.
"""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from voicepipe.providers.anthropic_messages import Blocks, Recall
from voicepipe.providers.base import Message

MOST_KEPT = 256
"""Messages of all sessions together. A reply has a handful, and they aren't needed once it is complete."""

THOUGHTS = frozenset({"thinking", "redacted_thinking"})
KNOWN = THOUGHTS | {"text", "tool_use"}


class Thoughts:
    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[bytes, Blocks]] = OrderedDict()

    def keep(self, request: dict[str, Any], blocks: Blocks) -> None:
        """``blocks`` is the whole answer to ``request``; without a thought or a call nothing is kept.

        Nor is anything if a block is of another kind, which isn't known well enough to be sent back.
        """
        first = next((block["id"] for block in blocks if block["type"] == "tool_use"), None)
        kinds = {block["type"] for block in blocks}
        if first is None or not kinds & THOUGHTS or not kinds <= KNOWN:
            return
        said = [block for block in blocks if block["type"] != "text" or block["text"].strip()]
        self._kept[first] = (_mark(request, request["messages"]), said)
        while len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)

    def recall(self, request: dict[str, Any], messages: Sequence[Message]) -> Recall:
        """For ``messages_of``: what was kept of the reply that ``messages`` end with.

        ``request`` holds what stands before the messages: the system prompt and the tools.
        """
        spoken = max((index for index, one in enumerate(messages) if one.role == "user"), default=-1)
        now = {message.tool_calls[0].id for message in messages[spoken + 1 :] if message.tool_calls}

        def find(message: Message, before: list[dict[str, Any]]) -> Blocks | None:
            first = message.tool_calls[0].id
            if first not in now or first not in self._kept:
                return None
            mark, blocks = self._kept[first]
            same = [block["id"] for block in blocks if block["type"] == "tool_use"] == [
                call.id for call in message.tool_calls
            ]
            return list(blocks) if same and mark == _mark(request, before) else None

        return find


def _mark(request: dict[str, Any], messages: list[dict[str, Any]]) -> bytes:
    """Equal only for equal prompts, tools and messages."""
    prefix = [request.get("system"), request.get("tools"), messages]
    return hashlib.sha256(json.dumps(prefix, ensure_ascii=False).encode(errors="replace")).digest()
