"""Many callers on one model that takes as long as was measured, but computes nothing.

The provider is the one that ships, with its partial results, its gate and its batches; the clock is the
simulated one. So that the answer depends on nothing but what a decode costs, and minutes of talk by dozens
of callers take seconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from voicepipe.core.calls import Batcher, Call, Host
from voicepipe.core.clock import Clock
from voicepipe.core.frames import Pcm
from voicepipe.core.units import MS, SECOND
from voicepipe.providers.faster_whisper import FasterWhisper, FasterWhisperConfig
from voicepipe.providers.whisper_model import RATE, Clip, Decoded
from voicepipe.runtime.batcher import DrainBatcher
from voicepipe.stages.turn import ADAPTED_SILENCE

T = TypeVar("T")
R = TypeVar("R")

TALKS = 0.4
"""The share of a call in which its caller speaks."""

SECONDS = (1.5, 6.5)
MEAN_S = sum(SECONDS) / 2
"""An utterance lasts between those, this in the mean."""

PAUSE_NS = ADAPTED_SILENCE
"""The silence in which the turn stage lets an utterance end, at the earliest."""

SOON_NS = 1500 * MS
"""After the end of speech; what nine of ten final results are to take at most. A second later than a silence
that ends a turn, a caller begins to wonder."""

UTTERANCES = 150
"""That each trial has about, and not fewer than six of each caller."""

_BLOCK = RATE // 50


@dataclass(frozen=True)
class Cost:
    """Seconds for ``n`` clips at once: ``fixed + clip · n + (second + second_each · n) · longest``, in s."""

    fixed: float
    clip: float
    second: float
    second_each: float

    def of(self, clips: int, longest_s: float) -> float:
        return self.fixed + self.clip * clips + (self.second + self.second_each * clips) * longest_s


def fitted(
    alone: tuple[float, float], many: tuple[float, float], *, clips: int, lengths: Sequence[float]
) -> Cost:
    """The cost that goes through what was measured: of one clip and of ``clips``, each of two ``lengths``."""
    short, long = lengths
    slopes = [(late - early) / (long - short) for early, late in (alone, many)]
    bases = [early - slope * short for (early, _), slope in zip((alone, many), slopes, strict=True)]
    clip, second_each = ((high - low) / (clips - 1) for low, high in (bases, slopes))
    return Cost(bases[0] - clip, clip, slopes[0] - second_each, second_each)


@asynccontextmanager
async def provider(
    load: Callable[[FasterWhisperConfig], Any], host: Host, **config: Any
) -> AsyncIterator[FasterWhisper]:
    """faster-whisper as it ships, but with the model that ``load`` gives."""

    class Given(FasterWhisper):
        def _load(self) -> Any:
            return load(self.config)

    stt = Given(FasterWhisperConfig(**config), host)
    await stt.start()
    try:
        yield stt
    finally:
        await stt.close()


async def final_after(stt: FasterWhisper, clock: Clock, host: Host, speech: Pcm) -> int:
    """Say ``speech`` at its pace, and be silent: nanoseconds from the end of speech to the final words."""
    call = Call(session="caller", turn=1, clock=clock, workers=host.workers)
    began = clock.now()
    async for hypothesis in stt.transcribe(call, _said(speech, clock)):
        if hypothesis.final:
            return clock.now() - began - len(speech) * SECOND // RATE
    raise RuntimeError("there were no final words")


async def _said(speech: Pcm, clock: Clock) -> AsyncIterator[Pcm]:
    began = clock.now()
    silence = np.zeros(PAUSE_NS * RATE // SECOND, np.int16)
    pcm = np.concatenate((speech, silence))
    for start in range(0, len(pcm), _BLOCK):
        await clock.sleep_until(began + min(start + _BLOCK, len(pcm)) * SECOND // RATE)
        yield pcm[start : start + _BLOCK]


class _Paper:
    """A model on paper: says nothing, and what it would have cost."""

    device = "cpu"

    def __init__(self, cost: Cost) -> None:
        self._cost = cost
        self.took_s = 0.0

    def decode(self, clips: Sequence[Clip]) -> list[Decoded]:
        longest = max(len(clip.pcm) for clip in clips) / RATE
        self.took_s = self._cost.of(len(clips), longest)
        return [Decoded("one", 0.0, 0.0)] * len(clips)

    def close(self) -> None:
        """Nothing was loaded."""


class _PaperWorkers:
    """A worker that is busy for as long as the model says; meanwhile the callers speak on."""

    def __init__(self, model: _Paper, clock: Clock) -> None:
        self._model = model
        self._clock = clock

    async def call(self, fn: Callable[[], T], *, deadline_ns: int | None = None, cost_ns: int = 0) -> T:
        self._model.took_s = 0.0
        answer = fn()
        await self._clock.sleep(round(self._model.took_s * SECOND))
        return answer

    def batcher(self, fn: Callable[[Sequence[T]], Sequence[R]], *, max_batch: int) -> Batcher[T, R]:
        return DrainBatcher(self, fn, max_batch)

    def stream(self, fn: Callable[..., None]) -> Any:
        raise RuntimeError("faster-whisper streams nothing")


async def waits(
    cost: Cost, callers: int, speech: Pcm, utterances: int = UTTERANCES, **config: Any
) -> list[int]:
    """What ``callers`` at a time wait for their final words, in ns after the end of speech."""
    clock, model = Clock(), _Paper(cost)
    host = Host(workers=_PaperWorkers(model, clock), language="en-US")
    each_s = MEAN_S / TALKS
    lasts_ns = round(each_s * max(utterances / callers, 6) * SECOND)
    found: list[int] = []

    async def talk(number: int) -> None:
        chance = np.random.default_rng(number)
        await clock.sleep(round(chance.uniform(0, each_s) * SECOND))
        while clock.now() < lasts_ns:
            length = round(chance.uniform(*SECONDS) * RATE)
            began = clock.now()
            found.append(await final_after(stt, clock, host, np.resize(speech, length)))
            await clock.sleep_until(began + round(length * SECOND / RATE / TALKS))

    async with provider(lambda _: model, host, model="paper", **config) as stt, asyncio.TaskGroup() as group:
        for number in range(callers):
            group.create_task(talk(number))
    return found


def most(bears: Callable[[int], bool], limit: int) -> int:
    """The largest number up to ``limit`` that is borne, if all smaller ones are; 0 if not even one is."""
    low, high = 0, 1
    while high <= limit and bears(high):
        low, high = high, 2 * high
    high = min(high, limit + 1)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if bears(middle) else (low, middle)
    return low
