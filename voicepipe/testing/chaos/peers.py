"""The stand-ins for what a pipeline talks to: each speaks a vendor's protocol, well until it is struck."""

from __future__ import annotations

import json
from types import TracebackType
from typing import Any, Protocol, Self

from voicepipe.testing.chaos.faults import Fault
from voicepipe.testing.chaos.http import ChaoticServer, event
from voicepipe.testing.chaos.talk import ARGUMENTS, CALLER, RESULT, TOOL, wants_tool, words
from voicepipe.testing.http import Request
from voicepipe.testing.openai_audio_server import Hear, OpenAIAudioServer
from voicepipe.testing.openai_server import OpenAIServer, Reply, Tool
from voicepipe.testing.openai_speech_server import OpenAISpeechServer
from voicepipe.testing.tool_server import Answer, ToolServer


class Peer(Protocol):
    """``async with`` around the call."""

    @property
    def url(self) -> str:
        """What the pipeline is given as the address."""
        ...

    def strike(self, fault: Fault) -> None:
        """From now on."""
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class HttpPeer(ChaoticServer):
    """A ``Peer`` whose paths begin with ``root``."""

    root = "/v1"

    @property
    def url(self) -> str:
        return self.origin + self.root


class ToolPeer(HttpPeer):
    root = "/look_it_up"


def ears() -> Peer:
    """OpenAI's transcription: hears what the clip says."""
    deltas = [f"{word} " for word in CALLER.split()]
    good = OpenAIAudioServer(otherwise=lambda upload: Hear(deltas=deltas), models=None)
    return HttpPeer(good, nan=event('{"type": "transcript.text.done", "text": NaN}'))


def mind(*, tools_struck: bool) -> Peer:
    """A language model behind Chat Completions."""

    def answer(request: Request) -> Reply:
        messages = request.json["messages"]
        last = messages[-1]
        result = last["content"] if last["role"] == "tool" else None
        turn = sum(message["role"] == "user" for message in messages)
        offered = bool(request.json.get("tools"))
        if offered and result is None and wants_tool(turn, tools_struck=tools_struck):
            return Reply(tools=[Tool(name=TOOL, arguments=[json.dumps(ARGUMENTS)])])
        return Reply(text=words(turn, result))

    good = OpenAIServer(answer=answer, models=None)
    return HttpPeer(good, nan=event('{"choices": [{"index": NaN, "delta": {"content": NaN}}]}'))


def voice() -> Peer:
    """OpenAI's speech: a hum for each word."""
    return HttpPeer(
        OpenAISpeechServer(models=None), nan=event('{"type": "speech.audio.delta", "audio": NaN}')
    )


def oracle() -> Peer:
    """What the tool asks."""
    return ToolPeer(_Oracle(), nan=b'{"answer": NaN}')


class _Oracle(ToolServer):
    async def answer(self, request: Request, *streams: Any) -> bool:
        self.answers.append(Answer(content=RESULT))
        return await super().answer(request, *streams)
