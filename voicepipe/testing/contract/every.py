"""What providers of every kind promise: how they start, close and leave the place."""

from __future__ import annotations

from contextlib import suppress

from voicepipe.errors import ProviderError
from voicepipe.testing.contract.bench import Bench, Started
from voicepipe.testing.contract.calls import Reader
from voicepipe.testing.contract.kinds import ASKINGS
from voicepipe.testing.contract.left import Before
from voicepipe.testing.contract.promise import CALLS, expect, promise
from voicepipe.testing.contract.vad import judged

EVERY = ("vad", *CALLS)

CYCLES = 3
"""Begun, used and closed so many times. What libraries keep for good, they take the first time."""


@promise(*EVERY)
async def close_may_be_called_twice(bench: Bench) -> None:
    """``close()`` gives everything back, and does nothing the second time, nor before ``start()``."""
    async with bench.built() as started:
        await started.provider.close()
    async with bench.started() as started:
        await started.provider.close()
        await started.provider.close()


@promise(*EVERY)
async def check_says_what_is_missing(bench: Bench) -> None:
    """``check()`` gives sentences; none where ``start()`` works."""
    async with bench.built() as started:
        problems = started.provider.check()
        fine = isinstance(problems, list) and all(isinstance(problem, str) for problem in problems)
        expect(fine, f"{problems!r}, expected a list of sentences")
        await started.provider.start()
        expect(not problems, f"{problems} although it starts")


@promise(*EVERY)
async def nothing_is_left_after_close(bench: Bench) -> None:
    """After ``close()`` no task, thread, socket or file is left, however its requests ended."""
    await _cycle(bench)
    before = Before(bench.patience_s)
    for _ in range(CYCLES):
        await _cycle(bench)
    left = await before.left()
    expect(not left, f"still there after {CYCLES} times: {', '.join(left)}")


async def _cycle(bench: Bench) -> None:
    before = Before(bench.patience_s)
    async with bench.started() as started:
        if bench.subject.provider.kind == "vad":
            judged(started.provider.open(16_000), bench.subject.speech(16_000)[0])
        else:
            await _some_requests(started)
        await started.provider.close()
        tasks = await before.left(tasks_only=True)
        expect(not tasks, f"still there after close(): {', '.join(tasks)}")


async def _some_requests(started: Started) -> None:
    """One that is whole, one cancelled before its answer and one in the middle of it."""
    asking = ASKINGS[started.subject.provider.kind]
    given = asking.inputs(started)[0]
    for events, turns in ((1_000_000, 0), (0, 3), (1, 2)):
        reader = Reader(asking.ask(started, started.call(), given))
        with suppress(ProviderError):  # other promises are about those
            await reader.cancelled_at(events, turns)
