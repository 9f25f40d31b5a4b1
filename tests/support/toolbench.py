"""A session's tools without the session: turns, a conversation, and all that is recorded."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

from tests.support.workers import make_workers
from voicepipe.core.clock import Clock, run_on
from voicepipe.core.messages import Message, ToolCall
from voicepipe.core.records import Record, ToolFinished, ToolStarted
from voicepipe.core.turns import Turns
from voicepipe.core.units import MS
from voicepipe.runtime.tools import SessionTools, ToolSet
from voicepipe.speech.conversation import Conversation
from voicepipe.speech.tools import ToolSpec, tool, tool_spec


class ToolBench:
    """``functions`` are the tools; ``fields`` are further fields of the ``ToolSet``."""

    def __init__(self, *functions: Callable[..., Any] | ToolSpec, **fields: Any) -> None:
        workers = fields.pop("workers", None) or make_workers()
        self.clock = Clock()
        self.turns = Turns()
        self.conversation = Conversation("")
        self.records: list[Record] = []
        self.reasons: list[str] = []
        self.said: list[tuple[int, str]] = []
        """What was said while tools ran, with its time in ms."""
        self.tools = SessionTools(
            ToolSet(specs=tuple(map(_spec, functions)), **fields),
            clock=self.clock,
            workers=workers,
            conversation=self.conversation,
            record=self.records.append,
            hang_up=self.reasons.append,
        )

    def begin(self, user: str = "please", *, live: bool = True) -> int:
        turn = self.turns.prepare()
        self.conversation.begin(turn, user)
        if live:
            self.commit(turn)
        return turn

    def commit(self, turn: int) -> None:
        self.turns.commit()
        self.conversation.commit(turn)

    async def run(
        self, turn: int, *calls: ToolCall, asked_ns: int | None = None, fills: bool = True
    ) -> list[Message] | None:
        """As the llm stage does it, of a model that answers at once; None if the turn died.

        ``fills`` False: the model had words of its own.
        """
        asked_ns = self.clock.now() if asked_ns is None else asked_ns
        async with self.turns.scope(turn) as scope:
            self.conversation.add_tool_calls(turn, calls)
            say = self._say if fills else None
            messages = await self.tools.run(scope, calls, asked_ns=asked_ns, say=say)
            for message in messages:
                assert message.tool_call_id is not None
                self.conversation.add_tool_result(turn, message.tool_call_id, message.text)
            return messages
        return None

    async def _say(self, words: str) -> None:
        self.said.append((self.clock.now() // MS, words))

    async def ask(self, name: str, arguments: str = "{}") -> str:
        """The one answer to one call in a live turn of its own."""
        messages = await self.run(self.begin(), call(name, arguments))
        assert messages is not None
        return messages[0].text

    async def ask_meanwhile(self, *names: str, turn: int | None = None, **options: Any) -> list[str]:
        """The answers to calls in one breath, in ``turn`` or a live one; ``options`` are those of ``run``."""
        calls = [call(name, id=f"{name}-{len(self.records)}") for name in names]
        messages = await self.run(self.begin() if turn is None else turn, *calls, **options)
        assert messages is not None
        return [message.text for message in messages]

    def die(self, turn: int) -> None:
        """The caller cuts in, and nothing of the reply was heard."""
        self.turns.interrupt()
        self.conversation.finish(turn, completed=False)

    @property
    def started(self) -> list[ToolStarted]:
        return [record for record in self.records if isinstance(record, ToolStarted)]

    @property
    def finished(self) -> list[ToolFinished]:
        return [record for record in self.records if isinstance(record, ToolFinished)]

    def answers(self) -> list[str]:
        """The tools' answers in the history."""
        return [message.text for message in self.conversation.history if message.role == "tool"]


def _spec(function: Callable[..., Any] | ToolSpec) -> ToolSpec:
    return function if isinstance(function, ToolSpec) else tool_spec(function)


def call(name: str, arguments: str | dict[str, Any] = "{}", id: str = "c1") -> ToolCall:
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    return ToolCall(id=id, name=name, arguments=text)


def error_of(text: str) -> str:
    """The error that the model is told; fails if ``text`` is none."""
    message = json.loads(text)["error"]
    assert isinstance(message, str)
    return message


async def settle() -> None:
    """Let every task go as far as it can without time passing."""
    for _ in range(20):
        await asyncio.sleep(0)


def simulated(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    run_on("simulated", test())


# ── tools that several tests use ──────────────────────────────────────────────────────────────────


@tool(side_effect=False)
def add(a: int, b: int = 1) -> dict[str, int]:
    """Add two numbers."""
    return {"sum": a + b}


@tool(side_effect=False, timeout="2s")
async def dawdles() -> str:
    """Take an hour."""
    await asyncio.sleep(3600)
    return "at last"


@tool(timeout="30s")
async def book() -> str:
    """Book a table, which takes three seconds."""
    await asyncio.sleep(3)
    return "booked"
