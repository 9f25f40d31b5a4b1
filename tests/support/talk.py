"""A conversation with LLM ``rules``, request by request, as the llm stage would hold it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.support.workers import make_call, make_host
from voicepipe.core.calls import Call
from voicepipe.providers.base import Message, TextDelta, ToolCall, ToolOffer
from voicepipe.providers.rules import Rules, RulesConfig


class Talk:
    """A conversation with the rules of ``file``: what the caller says, what comes, what the tools answer."""

    def __init__(self, file: str | Path, tools: Iterable[str]) -> None:
        self.model = Rules(RulesConfig(file=str(file)), make_host())
        self.tools = [ToolOffer(name=name, description="", parameters={}) for name in tools]
        self.messages = [Message(role="system", text="Be brief.")]
        self.calls: list[Call] = []
        asyncio.run(self.model.start())

    def say(self, text: str) -> Any:
        """The tool call or the text that comes of it."""
        self.messages.append(Message(role="user", text=text))
        return self.ask()

    def tell(self, result: Any) -> str:
        """The text that comes of a tool's answer to the last call."""
        text = result if isinstance(result, str) else json.dumps(result)
        self.messages.append(Message(role="tool", text=text, tool_call_id=self.messages[-1].tool_calls[0].id))
        said = self.ask()
        assert isinstance(said, str)
        return said

    def ask(self) -> ToolCall | str:
        events = self.events()
        if len(events) == 1 and isinstance(events[0], ToolCall):
            self.messages.append(Message(role="assistant", text="", tool_calls=(events[0],)))
            return events[0]
        text = "".join(event.text for event in events if isinstance(event, TextDelta))
        self.messages.append(Message(role="assistant", text=text))
        return text

    def events(self) -> list[TextDelta | ToolCall]:
        async def main() -> list[TextDelta | ToolCall]:
            self.calls.append(make_call())
            return [event async for event in self.model.generate(self.calls[-1], self.messages, self.tools)]

        return asyncio.run(main())
