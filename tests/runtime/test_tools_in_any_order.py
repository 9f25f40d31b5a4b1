"""Turns, tools, interruptions and hang-ups at arbitrary times, on the simulated clock.

The model, the policy and the tools are drawn; the llm stage, the tool runner, the turns and the conversation
are the real ones.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.support.stages import Bench, FakeLlm
from tests.support.workers import make_workers
from voicepipe.core.calls import Call
from voicepipe.core.clock import run_on
from voicepipe.core.frames import EndOfText, Text, UserTurn
from voicepipe.core.messages import Message, TextDelta, ToolCall, ToolOffer
from voicepipe.core.records import ToolFinished, ToolStarted
from voicepipe.core.units import MS
from voicepipe.runtime.tool_modes import error_text
from voicepipe.runtime.tools import SessionTools, ToolSet
from voicepipe.speech.tools import ToolSpec, tool, tool_spec
from voicepipe.stages.base import Agent
from voicepipe.stages.llm import Llm, LlmConfig

Step = Literal["prepare", "commit", "discard", "interrupt", "finish"]
Outcome = Literal["answers", "fails", "resists", "never"]
KINDS: dict[str, dict[str, Any]] = {
    "effect": {},
    "undoable": {"cancellable": True},
    "look": {"side_effect": False, "say_while_running": "Let me look."},
    "search": {"side_effect": False, "cancellable": False, "say_while_running": "Let me search."},
}
GOES_ON = ("effect", "search")
HAS_EFFECTS = ("effect", "undoable")


@dataclass(frozen=True)
class Behaviour:
    """Of the calls with one number for an argument."""

    outcome: Outcome
    ms: int


@dataclass
class Execution:
    name: str
    number: int
    ended_ns: int | None = None


@dataclass
class World:
    """A session without its policy: the test takes its place."""

    rounds: Sequence[Sequence[tuple[str, int]]]
    """What the model does when it is asked, one after the other: calls, or nothing but words."""
    behaviours: Sequence[Behaviour]
    executions: list[Execution] = field(default_factory=list)
    asked: int = 0
    called: dict[str, int] = field(default_factory=dict)
    """Call → when the model was asked that made it (ns)."""
    died: dict[int, int] = field(default_factory=dict)
    """Turn → when it was over (ns)."""
    committed: set[int] = field(default_factory=set)
    written: set[int] = field(default_factory=set)
    too_early: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.bench = Bench(Llm(LlmConfig(), FakeLlm(self._answer), Agent()))
        self.bench.sink.attach("in", self._see)
        self.tools = SessionTools(
            ToolSet(specs=tuple(self._tool(name) for name in KINDS)),
            clock=self.bench.clock,
            workers=make_workers(),
            conversation=self.bench.conversation,
            record=self.bench.records.append,
            hang_up=lambda reason: None,
        )
        self.bench.context.tools = self.tools

    def _tool(self, name: str) -> ToolSpec:
        async def execute(number: int) -> str:
            """Take some time."""
            execution = Execution(name, number)
            self.executions.append(execution)
            behaviour = self.behaviours[number]
            try:
                await asyncio.sleep(3600 if behaviour.outcome == "never" else behaviour.ms / 1000)
            except asyncio.CancelledError:
                if behaviour.outcome == "resists":
                    await asyncio.sleep(3600)
                raise
            finally:
                execution.ended_ns = self.bench.clock.now()
            if behaviour.outcome == "fails":
                raise LookupError("there is none")
            return f"{name} {len(self.executions)}"

        return tool_spec(tool(name=name, timeout=4.0, **KINDS[name])(execute))

    async def _answer(
        self, call: Call, messages: Sequence[Message], tools: Sequence[ToolOffer]
    ) -> AsyncIterator[TextDelta | ToolCall]:
        assert_answered(messages)
        calls = self.rounds[self.asked % len(self.rounds)] if self.rounds else ()
        self.asked += 1
        asked_ns = call.clock.now()
        await call.clock.sleep(150 * MS)
        for name, number in calls:
            id = f"c{len(self.called)}"
            self.called[id] = asked_ns
            yield ToolCall(id=id, name=name, arguments=json.dumps({"number": number}))
        if not calls:
            yield TextDelta(text="Well.")

    def _see(self, frame: Text | EndOfText) -> None:
        if isinstance(frame, EndOfText):
            self.written.add(frame.turn)
        elif not frame.in_history and frame.turn != self.bench.turns.live:
            self.too_early.append(frame.turn)

    async def take(self, step: Step) -> None:
        """Do what the turn stage does; nothing where it wouldn't."""
        turns, conversation = self.bench.turns, self.bench.conversation
        live, draft = turns.live, turns.draft
        if step == "prepare":
            turn = turns.prepare()
            if draft is not None:
                conversation.discard(draft)
            conversation.begin(turn, f"question {turn}")
            await self.bench.into.send(UserTurn(turn=turn, text=f"question {turn}"))
        elif step == "commit" and draft is not None:
            turns.commit()
            conversation.commit(draft)
            self.committed.add(draft)
            if live is not None:
                conversation.finish(live, completed=False)
        elif step == "discard" and draft is not None:
            turns.discard()
            conversation.discard(draft)
        elif step == "interrupt" and live is not None:
            turns.interrupt()
            conversation.finish(live, completed=False)
        elif step == "finish" and live in self.written:
            turns.interrupt()
            conversation.finish(live, completed=True)
        for over in (live, draft):
            if over is not None and not turns.alive(over):
                self.died[over] = self.bench.clock.now()

    async def live(self, steps: Sequence[tuple[int, Step]]) -> None:
        """Take each step so many ms after the one before, hang up, and close."""
        running = asyncio.ensure_future(self.bench.run())
        for ms, step in steps:
            await self.bench.clock.sleep(ms * MS)
            await self.take(step)
        running.cancel()
        await asyncio.wait([running])
        await self.take("discard")
        await self.take("interrupt")
        await self.tools.close()


def assert_answered(messages: Sequence[Message]) -> None:
    """Each call has exactly one answer, right behind it."""
    rest = list(messages)
    while rest:
        message = rest.pop(0)
        assert message.role != "tool", "an answer without a call"
        for call in message.tool_calls:
            assert rest, f"{call.id} has no answer"
            assert (rest[0].role, rest[0].tool_call_id) == ("tool", call.id)
            rest.pop(0)


def assert_recorded_once(world: World) -> None:
    """And each answer in the history is the one that was recorded."""
    seen: dict[str, str | None] = {}
    for record in world.bench.records:
        if isinstance(record, ToolStarted):
            assert record.call_id not in seen
            assert record.turn in world.committed or record.name not in HAS_EFFECTS
            seen[record.call_id] = None
        elif isinstance(record, ToolFinished):
            assert seen[record.call_id] is None
            seen[record.call_id] = record.result
    assert None not in seen.values()
    history = world.bench.conversation.history
    assert_answered(history)
    uncalled = error_text("interrupted before it was called")
    for message in history:
        if message.role == "tool":
            assert message.text == seen.get(message.tool_call_id or "", uncalled)


def assert_cancelled(world: World) -> None:
    """What may be cancelled has ended when its turn has."""
    for record in world.bench.of(ToolFinished):
        if record.name not in GOES_ON:
            assert record.at_ns <= world.died.get(record.turn, record.at_ns)


def assert_executed_once(world: World) -> None:
    """What was recorded as executed was, and again only for a model that knew the first result."""
    started = [record for record in world.bench.of(ToolStarted) if not record.joined]
    recorded = Counter(record.name for record in started)
    assert recorded == Counter(execution.name for execution in world.executions)
    for name in GOES_ON:
        records = [record for record in started if record.name == name]
        executions = [execution for execution in world.executions if execution.name == name]
        for first, execution in zip(records, executions, strict=True):
            assert execution.ended_ns is not None
            for again in records:
                if first.turn < again.turn and first.arguments == again.arguments:
                    assert execution.ended_ns <= world.called[again.call_id]


calls = st.tuples(st.sampled_from(list(KINDS)), st.integers(0, 2))
behaviours = st.builds(
    Behaviour, st.sampled_from(["answers", "answers", "fails", "resists", "never"]), st.integers(0, 3000)
)
steps = st.tuples(
    st.integers(0, 1500),
    st.sampled_from(["prepare", "prepare", "commit", "commit", "discard", "interrupt", "finish"]),
)


@settings(max_examples=150, deadline=None)
@given(
    rounds=st.lists(st.lists(calls, max_size=3), max_size=5),
    behaviours=st.lists(behaviours, min_size=3, max_size=3),
    steps=st.lists(steps, max_size=14),
)
@example(
    rounds=[[("effect", 0)]],
    behaviours=[Behaviour("answers", 2000)] * 3,
    steps=[
        (0, "prepare"),
        (0, "commit"),
        (300, "interrupt"),
        (0, "prepare"),
        (0, "commit"),
        (300, "interrupt"),
    ],
)
@example(
    rounds=[[("look", 0), ("undoable", 0), ("search", 1)]],
    behaviours=[Behaviour("resists", 9000), Behaviour("never", 0), Behaviour("answers", 0)],
    steps=[(0, "prepare"), (150, "commit"), (0, "interrupt"), (0, "prepare"), (150, "discard")],
)
def test_whatever_happens_each_call_has_one_result_and_nothing_is_executed_twice(
    rounds: list[list[tuple[str, int]]], behaviours: list[Behaviour], steps: list[tuple[int, Step]]
) -> None:
    async def main() -> None:
        world = World(rounds, behaviours)
        await world.live(steps)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert_recorded_once(world)
        assert_executed_once(world)
        assert_cancelled(world)
        assert world.too_early == []

    run_on("simulated", main())
