"""Five hundred calls that fail, over real connections and in real threads, leave nothing behind."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from itertools import cycle
from typing import Any

import pytest

from tests.support.chat import answering
from tests.support.stages import Bench, FakeLlm
from tests.support.workers import PATIENCE, make_host, pool, until
from voicepipe.core.calls import Call
from voicepipe.core.clock import Clock
from voicepipe.core.messages import Message
from voicepipe.core.records import ProviderAttempt
from voicepipe.core.retries import RetryLimits
from voicepipe.core.units import MS
from voicepipe.errors import ProviderError
from voicepipe.providers.base import LlmProvider, Provider
from voicepipe.providers.openai import OpenAI, OpenAIConfig
from voicepipe.runtime.lineup import Lineup
from voicepipe.runtime.workers import SPARE_THREADS, THREADS
from voicepipe.stages.base import Agent, Deadlines
from voicepipe.stages.llm import Llm, LlmConfig
from voicepipe.testing.contract.left import Before
from voicepipe.testing.openai_server import Reply

CALLS = 500
TOGETHER = 20
QUESTION = [Message(role="user", text="hello")]

FAULTS = (
    Reply(status=500),
    Reply(status=429),
    Reply(status=401),
    Reply(fault="drop"),
    Reply(fault="malformed"),
    Reply(fault="no_finish"),
    Reply(text=["Well, "], fault="drop"),
    Reply(text=["Well, "], fault="stall"),
    Reply(silent=True),
)
IMPATIENT = Deadlines.model_validate({"first": "50ms", "gap": "20ms", "total": "60ms"})


def bench(*providers: Provider, workers: Any = None) -> Bench:
    clock = Clock()
    limits = RetryLimits(attempts=3, backoff_ns=MS, max_backoff_ns=MS, budget=1.0)
    lineup = Lineup(providers, clock=clock, deadlines=IMPATIENT, limits=limits)
    made = Bench(Llm(LlmConfig(), providers[0], Agent()), clock=clock, lineup=lineup)
    made.context.workers = workers or made.context.workers
    return made


async def ask(on: Bench) -> None:
    def begin(provider: LlmProvider, call: Call) -> AsyncIterator[Any]:
        return provider.generate(call, QUESTION, ())

    async with on.context.provider_call(begin, turn=None) as events:
        async for _ in events:
            pass


async def fail(on: Bench) -> None:
    with pytest.raises(ProviderError):
        await ask(on)


async def fail_often(on: Bench) -> None:
    for _ in range(CALLS // TOGETHER):
        async with asyncio.TaskGroup() as group:
            for _ in range(TOGETHER):
                group.create_task(fail(on))


def test_no_task_and_no_socket_of_a_server_that_fails_in_every_way() -> None:
    pytest.importorskip("openai", reason="needs the extra 'local'")

    async def main() -> None:
        config = OpenAIConfig(model="test-model", base_url=server.base_url)
        llms = [OpenAI(config, make_host()) for _ in range(2)]
        for llm in llms:
            await llm.start()
        on = bench(*llms)
        await fail(on)  # asyncio keeps the thread in which it looks addresses up
        before = Before(PATIENCE)
        await fail_often(on)
        assert await before.left(tasks_only=True) == []
        attempts = on.of(ProviderAttempt)
        assert len(attempts) > 2 * CALLS, "each was tried again, and elsewhere"
        assert {attempt.status for attempt in attempts} == {"failed"}
        for llm in llms:
            await llm.close()
        assert await before.left() == []

    faults = cycle(FAULTS)
    with answering(answer=lambda request: next(faults)) as server:
        asyncio.run(main())


def test_no_job_that_hangs_and_no_thread_beyond_the_bound() -> None:
    async def main() -> None:
        go = threading.Event()

        async def hang(call: Call, *_: Any) -> AsyncIterator[Any]:
            yield await call.workers.call(lambda: go.wait(PATIENCE))

        before = Before(PATIENCE)
        with pool() as workers:
            on = bench(FakeLlm(hang), FakeLlm(hang), workers=workers)
            await fail_often(on)
            statistics = workers.statistics()
            assert statistics.threads <= THREADS + SPARE_THREADS
            assert await before.left(tasks_only=True) == []
            go.set()
            await until(lambda: workers.statistics().idle == workers.statistics().threads)
            statistics = workers.statistics()
            assert (statistics.queued, statistics.lost) == (0, 0)
        assert await before.left() == []

    asyncio.run(main())
