"""Pipelines whose tools are reached over the network or answered by the program, with a scripted model."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from voicepipe.testing.tool_server import Answer, ToolServer

STAGES = """\
stages:
  vad: energy
  stt: sim
  llm:
    use: sim
    replies:
      - {when: slot, call: {find: {day: thursday}}, say: "You can come {result.slot}."}
      - {when: bad, call: {find: {week: 3}}, say: "It says {result.error}."}
      - {when: ann, call: {lookup: {name: Ann}}, say: "It is {result}."}
  tts: {use: sim, speed: 20}
"""
FIND = """\
{"description": "Find a free slot.", "type": "object",
 "properties": {"day": {"type": "string"}}, "required": ["day"]}
"""


def pipeline_of(tool: str, *more: str) -> str:
    """A pipeline file with one tool, and ``more`` behind it."""
    return "\n".join(["voicepipe: 1", f"agent:\n  prompt: Be brief.\n  tools: [{tool}]", STAGES, *more])


@contextmanager
def serving(*answers: Answer) -> Iterator[ToolServer]:
    """A server in a thread of its own, for commands, which have their own event loops."""
    started, stop = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()
    server = ToolServer(*answers)

    async def serve() -> None:
        async with server:
            started.set()
            await stop.wait()

    thread = threading.Thread(  # noqa: TID251 - beside the program that is tested, not in it
        target=loop.run_until_complete, args=[serve()]
    )
    thread.start()
    try:
        assert started.wait(10)
        yield server
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()
