"""How a provider is set up for an examination."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import numpy as np
import pytest

from tests.support.contract_fakes import GoodTts, subject
from tests.support.workers import PATIENCE
from voicepipe.core.clock import run_on
from voicepipe.core.units import MS
from voicepipe.errors import ConfigErrors
from voicepipe.testing.contract.bench import Bench, Started

PCM = np.arange(800, dtype=np.int16)


def on_a_bench(work: Any, provider: type[Any] = GoodTts, clock: Any = "simulated", **attributes: Any) -> Any:
    async def main() -> Any:
        bench = Bench(subject(provider, **attributes), None if clock == "simulated" else 0.05)
        async with bench.started() as started:
            return await work(started)

    return run_on(clock, main())


class Logged(GoodTts):
    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        LOG[:] = ["made"]

    async def start(self) -> None:
        LOG.append("started")

    async def close(self) -> None:
        LOG.append("closed")


LOG: list[str] = []


async def _use(started: Started) -> None:
    LOG.append("used")


async def _fail(started: Started) -> None:
    raise LookupError


def test_a_provider_is_started_and_closed_also_where_its_use_fails() -> None:
    on_a_bench(_use, Logged)
    assert LOG == ["made", "started", "used", "closed"]
    with pytest.raises(LookupError):
        on_a_bench(_fail, Logged)
    assert LOG == ["made", "started", "closed"]


def test_a_provider_lives_in_the_language_voice_and_environment_of_its_subject() -> None:
    async def look(started: Started) -> tuple[Any, ...]:
        host = started.provider.host
        return host.language, host.voice, host.env

    seen = on_a_bench(look, language="de-DE", voice="ann", env={"KEY": "k"})
    assert seen == ("de-DE", "ann", {"KEY": "k"})


def test_wrong_keys_are_told_as_in_a_pipeline_file() -> None:
    with pytest.raises(ConfigErrors, match="config: unknown key 'speeed'"):
        on_a_bench(_use, config={"speeed": 1})


def test_audio_comes_in_read_only_blocks_as_it_is_spoken() -> None:
    async def listen(started: Started) -> list[tuple[int, int, bool]]:
        blocks = started.audio(PCM, 16_000)
        return [(started.clock.now() // MS, len(block), block.flags.writeable) async for block in blocks]

    assert on_a_bench(listen) == [(20, 320, False), (40, 320, False), (60, 160, False)]
    assert PCM.flags.writeable


def test_audio_without_a_pause_says_when_there_is_no_more() -> None:
    async def listen(started: Started) -> int:
        given_all = asyncio.Event()
        blocks = started.audio(PCM, 16_000, given_all)
        count = 0
        while not given_all.is_set():
            reading = asyncio.ensure_future(anext(blocks))
            waiting = asyncio.ensure_future(given_all.wait())
            await asyncio.wait([reading, waiting], return_when=asyncio.FIRST_COMPLETED)
            if reading.done():
                count += 1
                waiting.cancel()
        reading.cancel()
        return count

    assert on_a_bench(listen) == 3


def test_jobs_that_run_are_told_from_threads_that_wait() -> None:
    hold = threading.Event()

    async def work(started: Started) -> list[bool]:
        await started.workers.call(lambda: None)
        idle = await started.jobs_end()
        begun = threading.Event()
        job = asyncio.ensure_future(started.workers.call(lambda: begun.set() or hold.wait(PATIENCE)))
        await asyncio.sleep(0)
        assert begun.wait(PATIENCE)
        busy = await started.jobs_end()
        hold.set()
        await job
        return [idle, busy, await started.jobs_end()]

    assert on_a_bench(work, clock="real") == [True, False, True]
