"""What every request promises, whatever the kind: its end, its cancellation, its usage, two at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any, get_args

from voicepipe.core.calls import Call
from voicepipe.core.records import UsageUnit
from voicepipe.errors import ProviderError
from voicepipe.testing.contract.asking import Asking
from voicepipe.testing.contract.bench import Bench, Started
from voicepipe.testing.contract.kinds import asking_of
from voicepipe.testing.contract.promise import CALLS, expect, promise

MOMENTS = ((0, 0), (0, 1), (0, 2), (0, 3), (0, 5), (0, 8), (0, 13), (1, 0), (1, 1), (2, 1), (3, 2), (5, 8))
"""When a call is cancelled: after so many events, and then so many turns of the loop."""

UNITS = get_args(UsageUnit)


async def read(events: AsyncIterator[Any]) -> list[Any]:
    """All of a request's events, giving way to others after each."""
    seen = []
    async with aclosing(events):  # type: ignore[type-var]  # every provider's method is a generator
        async for event in events:
            seen.append(event)
            await asyncio.sleep(0)
    return seen


async def whole(bench: Started, asking: Asking, which: int = 0, call: Call | None = None) -> list[Any]:
    """The answer to one of the subject's inputs, checked."""
    given = asking.inputs(bench)[which]
    events = await read(asking.ask(bench, call or bench.call(), given))
    asking.check(bench, given, events)
    return events


class Reader:
    """Reads a request in a task of its own, until it is cancelled at a chosen moment."""

    def __init__(
        self, events: AsyncIterator[Any], counts: Callable[[Any], bool] = lambda event: True
    ) -> None:
        """``counts``: which events are counted."""
        self.seen: list[Any] = []
        self._events = events
        self._counts = counts
        self._counted = 0
        self._moved = asyncio.Event()
        self._over = False

    async def cancelled_at(self, events: int, turns: int) -> bool:
        """Cancel after ``events`` and then ``turns`` of the loop; False if the request had ended before.

        Raises ``Broken`` if it went on, or ended otherwise than by the cancellation.
        """
        task = asyncio.ensure_future(self._run())
        while self._counted < events and not self._over:
            await self._moved.wait()
            self._moved.clear()
        return await self._cancel(task, turns)

    async def cancelled_when(self, reached: asyncio.Event) -> bool:
        """Likewise, some turns after ``reached``."""
        task = asyncio.ensure_future(self._run())
        await reached.wait()
        return await self._cancel(task, turns=3)

    async def _cancel(self, task: asyncio.Task[None], turns: int) -> bool:
        for _ in range(turns):
            await asyncio.sleep(0)
        if task.done():
            await task
            return False
        before = len(self.seen)
        task.cancel()
        await asyncio.wait([task])
        later = self.seen[before:]
        expect(not later, f"{later!r} after the cancellation")
        error = None if task.cancelled() else task.exception()
        expect(error is None, f"{type(error).__name__} instead of the cancellation: {error}")
        expect(task.cancelled(), "the cancellation was swallowed: the answer ended as if it were whole")
        return True

    async def _run(self) -> None:
        try:
            async with aclosing(self._events) as events:  # type: ignore[type-var]  # as above
                async for event in events:
                    self.seen.append(event)
                    self._counted += self._counts(event)
                    self._moved.set()
        finally:
            self._over = True
            self._moved.set()


async def nothing_follows(events: AsyncIterator[Any]) -> None:
    """After ``aclose()`` there is no next event."""
    event = await anext(events, None)
    expect(event is None, f"{event!r} after the request was closed")


# ── whole answers ────────────────────────────────────────────────────────────────────────────────


@promise(*CALLS)
async def an_answer_is_what_the_interface_says(bench: Bench) -> None:
    """A whole answer holds what ``voicepipe.providers`` says of its kind, in that order and form."""
    asking = asking_of(bench.subject)
    async with bench.started() as started:
        for which in (0, 1):
            await whole(started, asking, which)


@promise(*CALLS)
async def empty_input_is_answered_with_nothing_or_refused(bench: Bench) -> None:
    """Empty input gets an empty answer, or a ProviderError of kind 'bad_request'; the next call works."""
    asking = asking_of(bench.subject)
    async with bench.started() as started:
        for given in asking.empty:
            events = await _unless_refused(asking.ask(started, started.call(), given))
            if events is not None:
                asking.check_empty(events)
        await whole(started, asking)


@promise(*CALLS)
async def very_long_input_is_answered_or_refused(bench: Bench) -> None:
    """Very long input gets a whole answer or a ProviderError of kind 'bad_request'; the next call works."""
    asking = asking_of(bench.subject)
    async with bench.started() as started:
        given = asking.long(started)
        events = await _unless_refused(asking.ask(started, started.call(), given))
        if events is not None:
            asking.check(started, given, events)
        await whole(started, asking)


async def _unless_refused(events: AsyncIterator[Any]) -> list[Any] | None:
    try:
        return await read(events)
    except ProviderError as error:
        expect(error.kind == "bad_request", f"a ProviderError of kind '{error.kind}': {error}")
        return None


@promise(*CALLS)
async def two_sessions_at_once_do_not_mix(bench: Bench) -> None:
    """One instance serves many sessions: answers given at the same time equal those given one by one."""
    asking = asking_of(bench.subject)
    async with bench.started() as started:
        alone = [await whole(started, asking, which) for which in (0, 1)]
        calls = [started.call(session) for session in ("two", "three")]
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(whole(started, asking, which, call)) for which, call in enumerate(calls)
            ]
        if bench.subject.repeatable:
            _compare([asking.gist(events) for events in alone], [asking.gist(t.result()) for t in tasks])


def _compare(alone: Sequence[Any], together: Sequence[Any]) -> None:
    expect(alone[0] != alone[1], f"the same answer to both inputs, {alone[0]!r}: the subject's are too alike")
    for number, (separate, beside) in enumerate(zip(alone, together, strict=True), start=1):
        expect(separate == beside, f"session {number} got {beside!r}, and alone {separate!r}")


# ── cancellation ─────────────────────────────────────────────────────────────────────────────────


@promise(*CALLS)
async def a_request_may_be_closed_after_its_first_event(bench: Bench) -> None:
    """``aclose()`` in the middle ends a request at once; nothing comes after it, and the next call works."""
    asking = asking_of(bench.subject)
    async with bench.started() as started:
        events: Any = asking.ask(started, started.call(), asking.inputs(started)[0])
        expect(await anext(events, None) is not None, "an answer without any event")
        await events.aclose()
        await nothing_follows(events)
        await whole(started, asking)


@promise(*CALLS)
async def a_request_may_be_cancelled_at_any_moment(bench: Bench) -> None:
    """A cancellation ends a request wherever it arrives, as a cancellation, and no event comes after it."""
    asking = asking_of(bench.subject)
    async with bench.started() as started:
        for events, turns in MOMENTS:
            given = asking.inputs(started)[0]
            await Reader(asking.ask(started, started.call(), given)).cancelled_at(events, turns)
        given_all = asyncio.Event()
        if (unanswered := asking.unanswered(started, started.call(), given_all)) is not None:
            reader = Reader(unanswered)
            expect(await reader.cancelled_when(given_all), "an answer that ended before its input")
        await whole(started, asking)


@promise(*CALLS, threads=True)
async def a_cancelled_request_leaves_no_job_in_a_thread(bench: Bench) -> None:
    """What a request does in ``call.workers`` ends when the request is cancelled."""
    asking = asking_of(bench.subject)
    async with bench.started() as started:
        for events, turns in ((0, 2), (0, 20), (1, 1)):
            given = asking.inputs(started)[0]
            await Reader(asking.ask(started, started.call(), given)).cancelled_at(events, turns)
        expect(await started.jobs_end(), "a job that still runs although its request was cancelled")


@promise(*CALLS, needs="stall")
async def a_cancelled_request_lets_go_of_the_server(bench: Bench) -> None:
    """When a request is cancelled in the middle of its answer, the connection is closed or told to stop."""
    asking = asking_of(bench.subject)
    async with bench.started("stall") as started:
        given = asking.inputs(started)[0]
        reader = Reader(asking.ask(started, started.call(), given), asking.is_output)
        expect(await reader.cancelled_at(1, 1), "an answer that ended, although the server had stopped")
        if started.scene.stopped is not None:
            await started.scene.stopped()


# ── usage ────────────────────────────────────────────────────────────────────────────────────────


@promise(*CALLS)
async def usage_is_told_once(bench: Bench) -> None:
    """A whole answer's usage stands on its call: once, exact, and not estimated where it was reported."""
    asking = asking_of(bench.subject)
    calls: list[tuple[Call, dict[Any, int]]] = []
    async with bench.started() as started:
        for which in (0, 1):
            call = started.call()
            events = await whole(started, asking, which, call)
            calls.append((call, dict(call.usage)))
            _check_units(call)
            given = asking.inputs(started)[which]
            _check_amounts(call, asking.billed(started, given, events), bench.subject.reported)
    for call, told in calls:
        expect(call.usage == told, f"usage that changes after the answer: {told}, then {call.usage}")


def _check_amounts(call: Call, billed: Mapping[UsageUnit, int], reported: Mapping[UsageUnit, int]) -> None:
    for unit, amount in reported.items():
        found = call.usage.get((unit, False))
        expect(found == amount, f"{unit}: {found}, where the server reported {amount} ({call.usage})")
    for unit, amount in billed.items():
        rounding = 1 if unit.endswith("_ms") else 0
        for estimated in (False, True):
            found = call.usage.get((unit, estimated), amount)
            expect(abs(found - amount) <= rounding, f"{unit}: {found}, where {amount} were used")


@promise(*CALLS)
async def usage_of_a_request_that_was_left_is_told(bench: Bench) -> None:
    """What a request used until it was left stands on its call, and no more than a whole answer uses."""
    asking = asking_of(bench.subject)
    async with bench.started() as started:
        all_of_it, part = started.call(), started.call()
        await whole(started, asking, call=all_of_it)
        events: Any = asking.ask(started, part, asking.inputs(started)[0])
        async for event in events:
            if asking.is_output(event):
                break
        await events.aclose()
        _check_units(part)
        for (unit, estimated), amount in part.usage.items():
            most = all_of_it.usage.get((unit, False), 0)
            expect(estimated or amount <= most, f"{unit}: {amount} of {most} until it was left")


@promise(*CALLS, needs="stall")
async def usage_that_was_never_reported_is_marked_as_estimated(bench: Bench) -> None:
    """What only the server could have told, and didn't since the request was cut off, is ``estimated``."""
    asking = asking_of(bench.subject)
    async with bench.started("stall") as started:
        call = started.call()
        events = asking.ask(started, call, asking.inputs(started)[0])
        await Reader(events, asking.is_output).cancelled_at(1, 1)
        _check_units(call)
        for unit in bench.subject.reported.keys() - bench.subject.reported_at_once:
            expect((unit, False) not in call.usage, f"{unit} as if it had been reported: {call.usage}")


def _check_units(call: Call) -> None:
    expect(bool(call.usage), "no usage at all")
    for (unit, _), amount in call.usage.items():
        expect(unit in UNITS, f"usage in '{unit}', which isn't one of {', '.join(UNITS)}")
        expect(type(amount) is int and amount >= 0, f"{unit}: {amount!r}, expected a whole number")
    twice = {unit for unit, estimated in call.usage if estimated} & {u for u, e in call.usage if not e}
    expect(not twice, f"{', '.join(twice)} both as reported and as estimated: {call.usage}")
