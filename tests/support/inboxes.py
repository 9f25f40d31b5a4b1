"""Inboxes, frames for them, and what their probes saw."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import numpy as np

from voicepipe.core.clock import run_on
from voicepipe.core.frames import AudioIn, Text, Transcript
from voicepipe.core.inbox import CAPACITY, Inbox
from voicepipe.core.turns import Turns


def audio(position: int = 0) -> AudioIn:
    return AudioIn(pcm=np.zeros(320, np.int16), position=position, rate=16_000)


def words(text: str, turn: int = 1) -> Text:
    return Text(turn=turn, text=text)


def transcript(text: str) -> Transcript:
    return Transcript(utterance=0, revision=0, text=text, final=False, at_ns=0)


def live(turns: Turns) -> int:
    turns.prepare()
    return turns.commit()


def opened(turns: Turns | None = None, *, capacity: int = CAPACITY, tap: bool = False) -> Inbox[Any]:
    inbox: Inbox[Any] = Inbox("llm", turns or Turns(), capacity=capacity, tap=tap)
    inbox.open()
    return inbox


async def rest(inbox: Inbox[Any]) -> list[Any]:
    """All that is still to be read; the last writer closes."""
    inbox.close()
    return [frame async for frame in inbox]


async def what_is_there(inbox: Inbox[Any]) -> list[Any]:
    """The next frame, if there is one to be read."""
    reading = asyncio.ensure_future(anext(inbox))
    await asyncio.sleep(0)
    if reading.done():
        return [reading.result()]
    reading.cancel()
    return []


def simulated(main: Coroutine[Any, Any, None]) -> None:
    run_on("simulated", main)


class Log:
    """What the probes of an inbox saw."""

    def __init__(self, inbox: Inbox[Any]) -> None:
        self.came: list[Any] = []
        self.went: list[Any] = []
        self.dropped: list[Any] = []
        inbox.attach("in", self.came.append)
        inbox.attach("out", self.went.append)
        inbox.attach("drop", self.dropped.append)
