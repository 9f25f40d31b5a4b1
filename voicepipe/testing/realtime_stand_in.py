"""A scripted Realtime server that holds the calls of a comparison, in a vendor's place.

It knows what the caller will say and what is expected of the agent, and does that: it hears every word,
calls the tool, and reads out what the tool answered. So it shows how a fused model is wired, billed and
interrupted; of intelligence, or of the vendor's speed, it shows nothing.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from voicepipe.compare.plan import Scripted
from voicepipe.config.conversations import ConversationTest
from voicepipe.providers.openai_realtime_events import READ_OUT
from voicepipe.testing.openai_server import Tool
from voicepipe.testing.realtime_script import Asked, Heard, Reply
from voicepipe.testing.realtime_server import RealtimeServer

DELAY = 0.28
"""Seconds before each piece of a reply: what the first token and the first audio of our mock engines take
together."""

PIECE = re.compile(r"(?:\S+\s*){1,4}")
"""Some words, which take longer to say than to wait for the next ones."""

PLAIN = "I have heard you, and I am only a stand-in."


@dataclass(frozen=True, slots=True)
class _Expected:
    tool: str
    arguments: Mapping[str, Any]


class RealtimeStandIn(RealtimeServer):
    """``voicepipe.compare.desk.StandIn`` for ``realtime``."""

    def __init__(self) -> None:
        super().__init__(answer=self._reply)
        self._reference: Sequence[str | None] = ()
        self._expected: dict[str, _Expected] = {}

    def prepare(self, call: Scripted) -> None:
        """From here on ``call`` is held."""
        self._reference = call.reference
        self._expected = {} if call.test is None else _tools(call.test.test, call)
        self.script.heard.clear()

    def listen(self, number: int) -> None:
        """What is heard next are the words of this utterance. Where a detector makes two of it, the second
        one has none."""
        words = self._reference[number] if number < len(self._reference) else None
        self.script.heard = deque([Heard(text=words or "")])

    def _reply(self, asked: Asked) -> Reply:
        if asked.params.get("conversation") == "none":
            return _says(str(asked.params["instructions"]).removeprefix(READ_OUT))
        for item in reversed(asked.conversation):
            if item["type"] == "function_call_output":
                return _says(_read_out(str(item["output"])))
            if item.get("role") != "user":
                break
            expected = self._expected.get(_words(item))
            if expected is not None:
                return Reply(tools=[Tool(name=expected.tool, arguments=[json.dumps(expected.arguments)])])
        return _says(PLAIN)


def _says(text: str) -> Reply:
    return Reply(text=PIECE.findall(text) or [text], delay=DELAY)


def _tools(test: ConversationTest, call: Scripted) -> dict[str, _Expected]:
    """What is said → the tool that is expected then."""
    found: dict[str, _Expected] = {}
    number, words = -1, None
    for step in test.steps:
        if step.user is not None:
            number += 1
            words = call.reference[number] if number < len(call.reference) else None
        elif words and step.expect is not None and step.expect.tool is not None:
            found[words] = _Expected(step.expect.tool, step.expect.args or {})
    return found


def _words(item: Mapping[str, Any]) -> str:
    """What the caller says in an item of the conversation."""
    parts = item.get("content") or []
    return " ".join(str(part.get("transcript") or part.get("text") or "") for part in parts)


def _read_out(result: str) -> str:
    """What a tool has answered, as words: of JSON its values."""
    try:
        value = json.loads(result)
    except ValueError:
        return result
    return ", ".join(map(str, value.values())) if isinstance(value, dict) else str(value)
