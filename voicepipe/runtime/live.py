"""A session's events as an async iterator: the call goes on beside whoever reads them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from typing import Any

from voicepipe.core.beside import Beside
from voicepipe.core.io import AudioInput, AudioOutput
from voicepipe.runtime.session import Session


async def events(
    session: Session, audio_in: AudioInput, audio_out: AudioOutput, call: Beside[None]
) -> AsyncGenerator[tuple[int, Any], None]:
    """Hold the call and yield ``(session time in ns, event)``; leaving the iteration ends the call.

    The call goes on in ``call``, where somebody else can stop it as well. Events wait for a slow reader
    and are never dropped: a call makes a few dozen a second at most.
    """
    waiting: deque[tuple[int, Any]] = deque()
    news = asyncio.Event()

    def note(at_ns: int, event: Any) -> None:
        waiting.append((at_ns, event))
        news.set()

    async def hold() -> None:
        try:
            await session.run(audio_in, audio_out)
        finally:
            news.set()

    session.observe(note)
    call.start(hold())
    try:
        while waiting or not call.ready:
            if not waiting:
                news.clear()
                await news.wait()
            while waiting:
                yield waiting.popleft()
        await call.take()
    finally:
        await call.stop()
