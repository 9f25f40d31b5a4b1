"""Models of which something becomes: ``use: tests.support.dying:…``."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import AsyncIterator, Sequence
from typing import Any, ClassVar

from voicepipe.core.calls import Call
from voicepipe.providers.base import LlmProvider, Message, TextDelta, ToolOffer


class Dying(LlmProvider):
    """Ends the process that asks it, unless that is the first one, or it says what it was told before."""

    name: ClassVar[str] = "dying"

    async def generate(
        self, call: Call, messages: Sequence[Message], tools: Sequence[ToolOffer]
    ) -> AsyncIterator[Any]:
        if "time" in messages[-1].text and multiprocessing.parent_process() is not None:
            os._exit(9)
        yield TextDelta(text="I live.")


class Faulty(LlmProvider):
    """Has a bug that shows when somebody has enough."""

    name: ClassVar[str] = "faulty"

    async def generate(
        self, call: Call, messages: Sequence[Message], tools: Sequence[ToolOffer]
    ) -> AsyncIterator[Any]:
        if "enough" in messages[-1].text:
            raise LookupError("the bug")
        yield TextDelta(text="I live and I talk, and I go on and on.")


class Echo(LlmProvider):
    """Says what it was told, the roles before the words."""

    name: ClassVar[str] = "echo"

    async def generate(
        self, call: Call, messages: Sequence[Message], tools: Sequence[ToolOffer]
    ) -> AsyncIterator[Any]:
        yield TextDelta(text=" ".join(f"{one.role} {one.text}" for one in messages if one.role != "system"))
