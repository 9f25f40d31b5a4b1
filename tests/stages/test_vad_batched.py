"""The VAD stage over a model that answers later, as one that judges several sessions at once does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.support.stages import Bench, LoudIsSpeech, frames_of
from tests.support.workers import make_host
from voicepipe.core.clock import run_on
from voicepipe.core.frames import Pcm, SpeechStarted, SpeechStopped
from voicepipe.core.units import MS
from voicepipe.providers.base import ProviderConfig, VadProvider, VadStream
from voicepipe.stages.base import Agent
from voicepipe.stages.vad import Vad, VadConfig

LOUD, SILENT = np.full(16_000, 8000, np.int16), np.zeros(16_000, np.int16)


class Later:
    """Answers in the loop's next turn, or with ``error`` from the tenth window on."""

    def __init__(self, stream: VadStream, error: Exception | None) -> None:
        self._stream = stream
        self._error = error
        self._due: Callable[[], None] | None = None
        self._count = 0
        self.window = stream.window

    def probability(self, window: Pcm) -> float:
        raise AssertionError("it can do more")

    def submit(self, window: Pcm, answer: Callable[[float | Exception], None]) -> None:
        assert self._due is None, "the one before was to be settled"
        self._count += 1

        def judge() -> None:
            failed = self._error is not None and self._count >= 10
            answer(self._error if failed and self._error else self._stream.probability(window))

        self._due = judge
        asyncio.get_running_loop().call_soon(self.settle)

    def settle(self) -> None:
        due, self._due = self._due, None
        if due is not None:
            due()


class LoudIsSpeechLater(VadProvider):
    name = "later"

    def __init__(self, error: Exception | None = None) -> None:
        super().__init__(ProviderConfig(), make_host())
        self._error = error

    def open(self, rate: int) -> Later:
        return Later(LoudIsSpeech().open(rate), self._error)


def heard(provider: VadProvider, pcm: Pcm, *, burst: bool = False) -> list[Any]:
    async def main() -> list[Any]:
        bench = Bench(Vad(VadConfig(), provider, Agent()))
        async with bench.running():
            for number, frame in enumerate(frames_of(pcm, 16_000)):
                if not burst:
                    await bench.clock.sleep_until((number + 1) * 20 * MS)
                await bench.into.send(frame)
        return await bench.sent()

    return run_on("simulated", main())


def positions(frames: list[Any]) -> list[tuple[type, int]]:
    return [(type(frame), frame.position) for frame in frames]


@pytest.mark.parametrize("burst", [False, True])
def test_an_answer_that_comes_later_decides_the_same(burst: bool) -> None:
    pcm = np.concatenate((SILENT, LOUD, SILENT, LOUD, SILENT))
    expected = heard(LoudIsSpeech(), pcm)
    given = heard(LoudIsSpeechLater(), pcm, burst=burst)
    assert positions(given) == positions(expected)
    if not burst:
        assert [frame.at_ns for frame in given] == [frame.at_ns for frame in expected]


def test_what_is_still_due_when_the_caller_leaves_is_decided() -> None:
    windows = 3  # the last one says that it is speech, and nothing follows
    frames = heard(LoudIsSpeechLater(), LOUD[: windows * 512], burst=True)
    assert [type(frame) for frame in frames] == [SpeechStarted, SpeechStopped]


def test_what_the_model_raises_ends_the_call() -> None:
    with pytest.raises(ExceptionGroup) as caught:
        heard(LoudIsSpeechLater(RuntimeError("no memory")), np.concatenate((SILENT, SILENT)))
    assert caught.group_contains(RuntimeError, match="no memory")
