from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from voicepipe.core.clock import Clock, VirtualLoop, run_on
from voicepipe.core.turns import Turns
from voicepipe.core.units import MS


def live_turn(turns: Turns) -> int:
    turns.prepare()
    return turns.commit()


async def for_ever() -> None:
    await asyncio.get_running_loop().create_future()


# ── transitions ──────────────────────────────────────────────────────────────────────────────────


def test_at_first_no_turn_is_alive() -> None:
    turns = Turns()
    assert (turns.live, turns.draft) == (None, None)
    assert not turns.alive(0)
    assert not turns.alive(1)


def test_a_draft_becomes_live_at_the_commit() -> None:
    turns = Turns()
    draft = turns.prepare()
    assert turns.alive(draft)
    assert turns.commit() == draft
    assert (turns.live, turns.draft) == (draft, None)


def test_a_new_draft_kills_the_previous_one_and_leaves_the_live_turn_alone() -> None:
    turns = Turns()
    live = live_turn(turns)
    first, second = turns.prepare(), turns.prepare()
    assert [turns.alive(turn) for turn in (live, first, second)] == [True, False, True]


def test_a_commit_kills_the_turn_that_was_live() -> None:
    turns = Turns()
    first, second = live_turn(turns), live_turn(turns)
    assert not turns.alive(first)
    assert turns.live == second


def test_a_commit_without_a_draft_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(RuntimeError, match="prepare"):
        Turns().commit()


def test_watchers_are_told_of_each_transition() -> None:
    turns = Turns()
    seen: list[tuple[int | None, int | None]] = []
    turns.watch(lambda: seen.append((turns.live, turns.draft)))
    turns.prepare()
    turns.commit()
    turns.prepare()
    turns.discard()
    turns.interrupt()
    assert seen == [(None, 1), (1, None), (1, 2), (1, None), (None, None)]


# ── waiting for the decision ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("transition", "outcome"), [("commit", True), ("discard", False), ("prepare", False)]
)
def test_blocked_waiters_are_woken_by_the_decision(transition: str, outcome: bool) -> None:
    async def main() -> tuple[list[bool], int]:
        clock = Clock()
        turns = Turns()
        draft = turns.prepare()
        async with asyncio.TaskGroup() as group:
            waiters = [group.create_task(turns.settled(draft)) for _ in range(3)]
            clock.call_at(30 * MS, getattr(turns, transition))
        return [waiter.result() for waiter in waiters], clock.now()

    assert run_on("simulated", main()) == ([outcome] * 3, 30 * MS)


def test_a_waiter_sleeps_on_when_another_turn_changes() -> None:
    async def main() -> tuple[bool, int]:
        clock = Clock()
        turns = Turns()
        live_turn(turns)
        draft = turns.prepare()
        clock.call_at(10 * MS, turns.interrupt)
        clock.call_at(20 * MS, turns.commit)
        return await turns.settled(draft), clock.now()

    assert run_on("simulated", main()) == (True, 20 * MS)


@pytest.mark.parametrize("draft", [False, True])
def test_a_decided_turn_is_known_without_waiting(draft: bool) -> None:
    async def main() -> tuple[bool, bool]:
        turns = Turns()
        dead = live_turn(turns)
        live = live_turn(turns)
        if draft:
            turns.prepare()
        return await turns.settled(dead), await turns.settled(live)

    assert run_on("simulated", main()) == (False, True)


def test_a_cancelled_waiter_is_forgotten() -> None:
    async def main() -> None:
        turns = Turns()
        draft = turns.prepare()
        waiter = asyncio.ensure_future(turns.settled(draft))
        await asyncio.sleep(0)
        waiter.cancel()
        await asyncio.wait([waiter])
        assert turns.commit() == draft

    run_on("simulated", main())


def test_committed_returns_at_the_commit() -> None:
    async def main() -> int:
        clock = Clock()
        turns = Turns()
        draft = turns.prepare()
        clock.call_at(40 * MS, turns.commit)
        async with turns.scope(draft) as turn:
            await turn.committed()
            return clock.now()
        raise AssertionError("the scope was left without a commit")

    assert run_on("simulated", main()) == 40 * MS


def test_committed_is_cancelled_when_the_draft_dies() -> None:
    async def main() -> list[str]:
        turns = Turns()
        draft = turns.prepare()
        effects: list[str] = []
        asyncio.get_running_loop().call_later(1, turns.discard)
        async with turns.scope(draft) as turn:
            await turn.committed()
            effects.append("a side effect of a draft that died")
        return effects

    assert run_on("simulated", main()) == []


def test_committed_never_returns_for_a_dead_draft_however_deep_its_task_is() -> None:
    """The scope's cancellation needs a step for each group on the way down; the waiter is woken at once."""

    async def main() -> list[str]:
        turns = Turns()
        draft = turns.prepare()
        effects: list[str] = []

        async def tool(turn: Any) -> None:
            await turn.committed()
            effects.append("a side effect of a draft that died")

        async def tools(turn: Any, depth: int) -> None:
            async with asyncio.TaskGroup() as group:
                group.create_task(tools(turn, depth - 1) if depth else tool(turn))

        asyncio.get_running_loop().call_later(1, turns.discard)
        async with turns.scope(draft) as turn:
            await tools(turn, depth=4)
        return effects

    assert run_on("simulated", main()) == []


def test_committed_does_not_return_if_the_turn_dies_right_after_its_commit() -> None:
    async def main() -> list[str]:
        turns = Turns()
        draft = turns.prepare()
        effects: list[str] = []

        def at_once() -> None:
            turns.commit()
            turns.interrupt()

        asyncio.get_running_loop().call_later(1, at_once)
        async with turns.scope(draft) as turn:
            await turn.committed()
            effects.append("too late")
        return effects

    assert run_on("simulated", main()) == []


# ── any order of transitions ─────────────────────────────────────────────────────────────────────


class TurnsMachine(RuleBasedStateMachine):
    """The transitions in any order, with a task in a scope and a waiter for each turn."""

    @initialize()
    def begin(self) -> None:
        self.loop = VirtualLoop("simulated")
        self.turns = Turns()
        self.known: list[int] = []
        self.live: int | None = None
        self.draft: int | None = None
        self.inside: set[int] = set()
        self.waiters: dict[int, asyncio.Task[bool]] = {}
        self.committed: set[int] = set()
        self.tasks: list[asyncio.Task[None]] = []

    async def body(self, turn: int) -> None:
        async with self.turns.scope(turn):
            self.inside.add(turn)
            try:
                await for_ever()
            finally:
                self.inside.discard(turn)

    def settle(self) -> None:
        async def a_few_steps() -> None:
            for _ in range(5):
                await asyncio.sleep(0)

        self.loop.run_until_complete(a_few_steps())

    @rule()
    def prepare(self) -> None:
        self.draft = self.turns.prepare()
        assert self.draft not in self.known
        self.known.append(self.draft)
        self.tasks.append(self.loop.create_task(self.body(self.draft)))
        self.waiters[self.draft] = self.loop.create_task(self.turns.settled(self.draft))
        self.settle()

    @precondition(lambda self: self.draft is not None)
    @rule()
    def commit(self) -> None:
        assert self.turns.commit() == self.draft
        self.live, self.draft = self.draft, None
        assert self.live is not None
        self.settle()
        self.committed.add(self.live)

    @rule()
    def discard(self) -> None:
        self.turns.discard()
        self.draft = None
        self.settle()

    @rule()
    def interrupt(self) -> None:
        self.turns.interrupt()
        self.live = None
        self.settle()

    @invariant()
    def agrees_with_the_model(self) -> None:
        alive = {turn for turn in (self.live, self.draft) if turn is not None}
        assert (self.turns.live, self.turns.draft) == (self.live, self.draft)
        assert {turn for turn in self.known if self.turns.alive(turn)} == alive
        assert self.inside == alive
        for turn, waiter in self.waiters.items():
            assert waiter.done() == (turn != self.draft)
            if waiter.done():
                assert waiter.result() == (turn in self.committed)

    def teardown(self) -> None:
        self.turns.interrupt()
        self.turns.discard()
        self.settle()
        assert all(task.done() and task.exception() is None for task in self.tasks)
        self.loop.close()


TestTurnsMachine = TurnsMachine.TestCase
TestTurnsMachine.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
