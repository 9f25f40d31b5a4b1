"""Five hundred requests that fail: what of them is left? Tasks, threads and open files, counted.

Each provider that talks to a server does so on loopback, and the server is struck with each fault in turn. A
request that waits for something is broken off after a moment, as a deadline or an interruption would. What
is there after a first round is what libraries keep; what is more after all of them has leaked.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, aclosing, suppress
from typing import Any

import numpy as np

from benchmarks._results import Figure
from voicepipe.core.calls import NO_SESSION, Call, Host
from voicepipe.core.clock import Clock
from voicepipe.core.frames import Pcm
from voicepipe.core.messages import Message
from voicepipe.errors import ProviderError
from voicepipe.providers.base import Provider
from voicepipe.providers.openai_realtime import OpenAIRealtime
from voicepipe.runtime.realtime_voice import RealtimeVoice
from voicepipe.runtime.workers import ThreadWorkers, make_workers
from voicepipe.testing.chaos.faults import FAULTS, Fault
from voicepipe.testing.chaos.peers import Peer, ears, mind, voice
from voicepipe.testing.chaos.pipeline import TALKING
from voicepipe.testing.chaos.realtime import RealtimePeer
from voicepipe.testing.contract.left import Before

PACKAGES = ("openai", "httpx2", "websockets")
CALLS = 12
"""Of each provider with each fault: 528 in all."""
TOGETHER = 4
MOMENT_S = 0.15
PATIENCE_S = 10.0

PEERS: dict[str, Callable[[], Peer]] = {
    "stt": ears,
    "llm": lambda: mind(tools_struck=False),
    "tts": voice,
    "realtime": lambda: RealtimePeer(tools_struck=False),
}


def measure(quick: bool) -> list[Figure]:
    calls = TOGETHER if quick else CALLS
    return [asyncio.run(_measure(kind, calls)) for kind in PEERS]


async def _measure(kind: str, calls: int) -> Figure:
    await _round(kind, "500", 1)
    await _round(kind, "hang", 1)
    before = Before(PATIENCE_S)
    failed = 0
    for fault in FAULTS:
        failed += await _round(kind, fault, calls)
    left = await before.left()
    return Figure(
        what=f"{kind}: tasks, threads and open files left",
        unit="",
        values=[len(left)],
        how=f"after {failed} failing requests of {len(FAULTS)} kinds" + "".join(f"; {one}" for one in left),
        at_most=0,
    )


async def _round(kind: str, fault: Fault, calls: int) -> int:
    """How many requests of ``calls`` have failed."""
    clock = Clock()
    async with AsyncExitStack() as stack:
        peer = await stack.enter_async_context(PEERS[kind]())
        workers = make_workers(clock)
        assert isinstance(workers, ThreadWorkers), "the clock is real"
        stack.callback(workers.close)
        keys = {"model": "stand-in", "base_url": peer.url} | (
            {"stream_format": "sse"} if kind == "tts" else {}
        )
        made = TALKING[kind]
        host = Host(workers=workers, language="en", voice=None, env={}, progress=lambda message: None)
        provider = made(made.Config.model_validate(keys), host)
        stack.push_async_callback(provider.close)
        await provider.start()
        peer.strike(fault)
        failures = 0
        for _ in range(calls // TOGETHER or 1):
            async with asyncio.TaskGroup() as group:
                asked = [
                    group.create_task(_fails(provider, clock, workers)) for _ in range(min(TOGETHER, calls))
                ]
            failures += sum(one.result() for one in asked)
        return failures


async def _fails(provider: Provider, clock: Clock, workers: ThreadWorkers) -> bool:
    """Whether one request fails, or had to be broken off."""
    call = Call(session=NO_SESSION, turn=None, clock=clock, workers=workers)
    with suppress(ProviderError, TimeoutError):
        async with asyncio.timeout(MOMENT_S), aclosing(_ask(provider, call)) as events:
            async for _ in events:
                pass
        return False
    return True


def _ask(provider: Any, call: Call) -> Any:
    match provider.kind:
        case "stt":
            return provider.transcribe(call, _silence())
        case "llm":
            return provider.generate(
                call, [Message(role="user", text="hello"), Message(role="user", text="?")], ()
            )
        case "tts":
            return provider.synthesize(call, "Hello, who is there?")
    assert isinstance(provider, OpenAIRealtime)
    return RealtimeVoice(provider).synthesize(call, "Hello, who is there?")


async def _silence() -> AsyncIterator[Pcm]:
    yield np.zeros(8_000, np.int16)
