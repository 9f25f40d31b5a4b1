"""Providers that don't close as they promised, and what the suite says to that."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from tests.support.contract_fakes import GoodTts, GoodVad, examine
from tests.support.workers import PATIENCE
from voicepipe.core.calls import Call
from voicepipe.errors import SetupError
from voicepipe.providers.base import Speech, Word
from voicepipe.testing.contract import Broken

LEFT: list[Any] = []


@pytest.fixture(autouse=True)
def _clean_up() -> Iterator[None]:
    """Gives back what the providers here don't."""
    yield
    while LEFT:
        LEFT.pop()()


class ClosesOnce(GoodVad):
    closed = False

    async def close(self) -> None:
        if self.closed:
            raise RuntimeError("closed already")
        self.closed = True


class NeedsAStart(GoodVad):
    model: object

    async def start(self) -> None:
        self.model = object()

    async def close(self) -> None:
        del self.model


def test_a_provider_that_can_not_be_closed_twice_or_unstarted() -> None:
    with pytest.raises(RuntimeError, match="closed already"):
        examine("close_may_be_called_twice", ClosesOnce)
    with pytest.raises(AttributeError, match="model"):
        examine("close_may_be_called_twice", NeedsAStart)


class Worried(GoodVad):
    def check(self) -> list[str]:
        return ["there is no model"]


class Vague(GoodVad):
    def check(self) -> Any:
        return None


@pytest.mark.parametrize(
    ("provider", "found"),
    [(Worried, "there is no model.* although it starts"), (Vague, "None, expected a list")],
)
def test_a_check_that_is_wrong(provider: type[Any], found: str) -> None:
    with pytest.raises(Broken, match=found):
        examine("check_says_what_is_missing", provider)


def test_a_provider_that_says_what_it_lacks_and_does_not_start_is_told_as_it_is() -> None:
    class Lacking(Worried):
        async def start(self) -> None:
            raise SetupError("there is no model")

    with pytest.raises(SetupError, match="there is no model"):
        examine("check_says_what_is_missing", Lacking)


class LeavesATask(GoodTts):
    async def start(self) -> None:
        task = asyncio.ensure_future(asyncio.Event().wait())
        LEFT.append(lambda: task)  # the loop's end cancels it


class LeavesAThread(GoodTts):
    async def synthesize(self, call: Call, text: str) -> AsyncIterator[Speech | Word]:
        hold = threading.Event()
        forgotten = threading.Thread(target=hold.wait, args=[PATIENCE], name="forgotten")  # noqa: TID251 - the leak
        forgotten.start()
        LEFT.append(hold.set)
        async for event in super().synthesize(call, text):
            yield event


class LeavesASocket(GoodVad):
    def open(self, rate: int) -> Any:
        for end in socket.socketpair():
            LEFT.append(end.close)
        return super().open(rate)


@pytest.mark.parametrize(
    ("provider", "found"),
    [
        (LeavesATask, "still there after close.*: the task .*Event.wait"),
        (LeavesAThread, "still there after 3 times: the thread forgotten"),
        (LeavesASocket, "the descriptor of socket:"),
    ],
)
def test_something_that_is_left(provider: type[Any], found: str) -> None:
    with pytest.raises(Broken, match=found):
        examine("nothing_is_left_after_close", provider)


def test_what_is_left_by_requests_that_were_cancelled_is_found_too() -> None:
    class LeavesTheBroken(GoodTts):
        async def synthesize(self, call: Call, text: str) -> AsyncIterator[Speech | Word]:
            done = False
            try:
                async for event in super().synthesize(call, text):
                    yield event
                done = True
            finally:
                if not done:
                    LEFT.extend(end.close for end in socket.socketpair())

    with pytest.raises(Broken, match="the descriptor of socket:"):
        examine("nothing_is_left_after_close", LeavesTheBroken)


def test_what_a_library_keeps_from_the_first_time_on_is_its_own() -> None:
    class LoadsOnce(GoodVad):
        def open(self, rate: int) -> Any:
            if not LEFT:
                LEFT.extend(end.close for end in socket.socketpair())
            return super().open(rate)

    examine("nothing_is_left_after_close", LoadsOnce)
