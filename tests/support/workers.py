"""What a provider is given in a test: the real workers, and a call with a clock."""

from __future__ import annotations

import asyncio
from typing import Any

from voicepipe.core.calls import Call, Host
from voicepipe.core.clock import Clock, VirtualLoop
from voicepipe.runtime.workers import InlineWorkers, ThreadWorkers


def make_workers() -> ThreadWorkers | InlineWorkers:
    """Workers that fit the loop that runs; threads outside of one."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return ThreadWorkers()
    return InlineWorkers(loop.mode) if isinstance(loop, VirtualLoop) else ThreadWorkers()


def make_host(language: str = "en-US", **fields: Any) -> Host:
    return Host(workers=fields.pop("workers", None) or make_workers(), language=language, **fields)


def make_call(session: str = "test", turn: int | None = 1, **fields: Any) -> Call:
    """A call of the session ``test`` on the clock of the running loop."""
    return Call(
        session=session,
        turn=turn,
        clock=fields.pop("clock", None) or Clock(),
        workers=fields.pop("workers", None) or make_workers(),
        **fields,
    )
