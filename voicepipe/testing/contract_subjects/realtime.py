"""A fused model behind the scripted Realtime server on loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import get_args

from voicepipe.core.messages import Message, ToolOffer
from voicepipe.core.units import SECOND
from voicepipe.providers.openai_realtime import OpenAIRealtime
from voicepipe.testing.contract import Fault, Scene, Subject
from voicepipe.testing.realtime_script import Asked, Refusal, Reply, Tool
from voicepipe.testing.realtime_server import RealtimeServer

KEY, WRONG_KEY = "sk-right-0123456789", "sk-wrong-0123456789"
RETRY_AFTER_S = 2
QUESTION = "What is the weather in Paris?"
ENOUGH = 100
"""Requests of one examination, and more."""


class OpenAIRealtimeSubject(Subject):
    """Answers with how much it was sent."""

    provider = OpenAIRealtime
    faults = frozenset(get_args(Fault))
    tool_question = (Message(role="user", text=QUESTION),)
    tools = (
        ToolOffer(
            name="weather",
            description="The weather in a city.",
            parameters={"type": "object", "properties": {"city": {"type": "string"}}},
        ),
    )

    @asynccontextmanager
    async def scene(self, fault: Fault | None = None) -> AsyncIterator[Scene]:
        def answer(asked: Asked) -> Reply:
            match fault:
                case "malformed":
                    return Reply(text=["It ", "is."], fault="malformed", fault_after=1)
                case "dropped":
                    return Reply(text=["It ", "is."], fault="reset", fault_after=1)
                case "stall":
                    return Reply(text=["It ", "is."], fault="stall", fault_after=1)
            last = asked.conversation[-1] if asked.conversation else {}
            if any(part.get("text") == QUESTION for part in last.get("content", ())):
                return Reply(tools=[Tool(name="weather", arguments=['{"city": ', '"Paris"}'])])
            return Reply(text=["You sent ", f"{_sent(server, asked)} ", "pieces of audio."])

        headers = {"retry-after": str(RETRY_AFTER_S)}
        error = {"message": "too many", "type": "rate_limit_error", "code": "rate_limit_exceeded"}
        refusals = [Refusal(status=429, error=error, headers=headers)] * ENOUGH
        async with RealtimeServer(
            answer=answer,
            heard=["What time is it?"] * ENOUGH,
            key=KEY,
            refusals=refusals if fault == "rate_limit" else (),
        ) as server:
            key = WRONG_KEY if fault == "refused_key" else KEY
            yield Scene(
                config={"model": "test-model", "base_url": server.base_url, "api_key": key},
                stopped=lambda: server.seen("response.cancel"),
                retry_after_ns=RETRY_AFTER_S * SECOND if fault == "rate_limit" else None,
            )


def _sent(server: RealtimeServer, asked: Asked) -> int:
    """How much audio came over the connection on which a reply was asked for."""
    session = next(session for session in server.sessions if session.config is asked.config)
    return sum(event["type"] == "input_audio_buffer.append" for event in session.received)
