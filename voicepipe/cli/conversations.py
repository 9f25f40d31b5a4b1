"""Holds the conversations of tests, each on a loop of its own, and says what was missed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from voicepipe.api import RATE, Call, Pipeline
from voicepipe.config.conversation_files import LocatedTest
from voicepipe.config.conversations import ConversationTest, User
from voicepipe.config.load import LoadedPipeline
from voicepipe.config.variables import agent_for_call
from voicepipe.core.clock import Clock, ClockName, run_on
from voicepipe.core.names import did_you_mean
from voicepipe.core.records import ToolStarted, TurnEnded
from voicepipe.core.units import SECOND
from voicepipe.errors import ConfigError, ConfigErrors, SetupError, UsageError
from voicepipe.observe.evidence import Evidence
from voicepipe.observe.expectations import Miss, judge
from voicepipe.runtime.tool_modes import Stubs
from voicepipe.runtime.tool_sets import tools_of
from voicepipe.transports.conversation import ConversationCall, Item, Look, Pause, Utterance
from voicepipe.transports.spoken import noise, spoken, with_words
from voicepipe.transports.wav import OUTPUT_RATE, Typed, load_clip

LONGEST_CALL = 600 * SECOND
"""A conversation that goes on for longer is ended, and has missed what it was to show."""

ALWAYS_LIVE = "end_call"
"""Acts on nothing but the call itself, so that it needs no stub."""

Tools = Literal["stubs", "live"]


@dataclass(frozen=True, slots=True)
class Case:
    """A test, and what it runs on."""

    located: LocatedTest
    pipeline: Pipeline
    clock: ClockName
    script: Sequence[Item]

    @property
    def name(self) -> str:
        return self.located.test.name

    @property
    def loaded(self) -> LoadedPipeline:
        return self.pipeline.loaded

    @property
    def scripted(self) -> bool:
        """Whether its model is a script."""
        return any(slot.kind == "llm" and slot.use == "sim" for slot in self.loaded.slots)

    def stubs(self) -> dict[str, Any]:
        return {**self.loaded.tool_results, **self.located.test.tool_results}


@dataclass(slots=True)
class Verdict:
    """What came of a case. ``error``: the conversation itself went wrong."""

    case: Case
    misses: list[Miss] = field(default_factory=list)
    error: str | None = None
    evidence: Evidence | None = None

    @property
    def passed(self) -> bool:
        return not self.misses and self.error is None

    @property
    def duration_s(self) -> float:
        """Of the conversation, on its own clock."""
        return self.evidence.ended_ns / SECOND if self.evidence else 0.0

    def transcript(self) -> Iterator[tuple[int, Any]]:
        """The events up to the end of the last part that something was missed in, replies to their end."""
        if self.evidence is None:
            return
        until = whole = self.evidence.ended_ns + 1
        if self.misses and self.error is None:
            until = max(miss.until_ns for miss in self.misses)
            until = whole if until == self.evidence.ended_ns else until
        begun = {reply.report.turn for reply in self.evidence.between(0, until)}
        for at_ns, event in self.evidence.events:
            if at_ns < until or (isinstance(event, TurnEnded) and event.turn in begun):
                yield at_ns, event


def make_cases(tests: Sequence[tuple[LocatedTest, LoadedPipeline]], clock: ClockName | None) -> list[Case]:
    """The cases, with a pipeline for each profile; ``clock`` overrides that of the tests.

    Imports the tools, and makes the audio of all tests in their order: espeak keeps a state from one text to
    the next, so that what is chosen of them afterwards must not matter.

    Raises ``ConfigErrors`` with all that is wrong in the tests, each at its place, ``GraphError``,
    ``AudioError`` for a clip that can't be used, and ``SetupError`` where espeak is there, but doesn't work.
    """
    pipelines: dict[str | None, Pipeline] = {}
    tools: dict[str | None, set[str]] = {}
    cases: list[Case] = []
    errors: list[ConfigError] = []
    for located, loaded in tests:
        if loaded.profile not in pipelines:
            pipelines[loaded.profile] = Pipeline(loaded)
            known = tools_of(loaded)
            tools[loaded.profile] = set(known.by_name(hang_up=lambda reason: None))
        script = _script(located.test, loaded.agent.language)
        case = Case(located, pipelines[loaded.profile], clock or located.test.clock or "simulated", script)
        cases.append(case)
        errors += _problems(case, tools[loaded.profile])
    if errors:
        raise ConfigErrors(list({str(error): error for error in errors}.values()))
    return cases


def _problems(case: Case, tools: set[str]) -> Iterator[ConfigError]:
    """What can be said of a test before it is run, but only with the pipeline at hand."""
    located, test = case.located, case.located.test
    try:
        agent_for_call(case.loaded.agent, test.vars)
    except UsageError as error:
        yield located.place("vars").error(error.message, hint="give it under 'vars' of the test")
    for name in test.tool_results.keys() - tools:
        yield _unknown_tool(located, ("tool_results", name), name, tools)
    for index, step in enumerate(test.steps):
        if step.expect is not None and step.expect.tool is not None and step.expect.tool not in tools:
            yield _unknown_tool(located, ("steps", index, "expect", "tool"), step.expect.tool, tools)
    for slot in case.loaded.slots:
        if case.clock != "real" and slot.provider is not None and slot.provider.clock == "real":
            said = f"stages.{slot.key} ({slot.use}) can't run on the {case.clock} clock"
            yield located.place("clock").error(said, hint="say 'clock: real' here, or give --clock real")


def _unknown_tool(
    located: LocatedTest, path: tuple[str | int, ...], name: str, tools: set[str]
) -> ConfigError:
    hint = f"there are: {', '.join(sorted(tools)) or 'none'}"
    return located.place(*path).error(f"there is no tool '{name}'.{did_you_mean(name, tools)}", hint=hint)


def hold_all(cases: Sequence[Case], tools: Tools) -> Iterator[Verdict]:
    """Hold the conversations in their order; those on the real clock share the models of their profile."""
    for batch in _batches(cases):
        if batch[0].clock == "real":
            yield from run_on("real", _hold_batch(batch, tools))
        else:
            yield run_on(batch[0].clock, _hold(batch[0], tools))


def _batches(cases: Sequence[Case]) -> Iterator[list[Case]]:
    """Neighbours on the real clock and one pipeline are a batch; every other case is one by itself."""
    batch: list[Case] = []
    for case in cases:
        if batch and (case.clock != "real" or batch[0].clock != "real" or case.pipeline != batch[0].pipeline):
            yield batch
            batch = []
        batch.append(case)
    if batch:
        yield batch


async def _hold_batch(cases: Sequence[Case], tools: Tools) -> list[Verdict]:
    pipeline = cases[0].pipeline
    await pipeline.start(live_tools=tools == "live")
    try:
        return [await _hold(case, tools) for case in cases]
    finally:
        await pipeline.close()


async def _hold(case: Case, tools: Tools) -> Verdict:
    verdict = Verdict(case)
    events: list[tuple[int, Any]] = []
    calls: list[Call] = []
    ends: list[ConversationCall] = []
    overdue: list[asyncio.TimerHandle] = []

    def begin(call: Call) -> None:
        calls.append(call)
        call.observe(lambda at_ns, event: events.append((at_ns, event)))
        overdue.append(call.clock.call_at(LONGEST_CALL, lambda: call.hang_up("the test took too long")))

    def open_ends(clock: Clock) -> ConversationCall:
        ends.append(ConversationCall(clock, case.script, rate=RATE))
        calls[0].observe(ends[0].caller)
        return ends[0]

    try:
        report = await case.pipeline.hold(
            open_ends,
            vars=case.located.test.vars,
            tool_mode=Stubs(case.stubs()) if tools == "stubs" else None,
            on_call=begin,
        )
    except (SetupError, ConfigError):
        raise
    except Exception as error:  # one conversation that breaks mustn't hide what the others show
        verdict.error = case.loaded.environment.mask(f"{type(error).__name__}: {error}")
        return verdict
    finally:
        for timer in overdue:
            timer.cancel()
    call = calls[0]
    ended_ns = call.clock.now()
    verdict.evidence = Evidence(
        report=report,
        events=events,
        steps=ends[0].caller.moments,
        ended_ns=ended_ns,
        played=ends[0].played(ended_ns),
        rate=OUTPUT_RATE,
        remembered={turn.turn: call.remembered(turn.turn) for turn in report.turns},
    )
    verdict.error = _went_wrong(verdict.evidence, case.stubs(), tools)
    located = case.located
    verdict.misses = sorted(judge(located.test, verdict.evidence), key=lambda miss: _place(located, miss))
    return verdict


def _place(located: LocatedTest, miss: Miss) -> tuple[int, int]:
    place = located.place(*miss.path)
    return place.line, place.column


def _went_wrong(evidence: Evidence, stubs: Mapping[str, Any], tools: Tools) -> str | None:
    if evidence.ended_ns >= LONGEST_CALL:
        return f"the conversation had not come to its end after {LONGEST_CALL // SECOND} s"
    called = [event.name for _, event in evidence.events if isinstance(event, ToolStarted)]
    absent = [name for name in dict.fromkeys(called) if name not in stubs and name != ALWAYS_LIVE]
    if tools == "stubs" and absent:
        names = " and ".join(f"'{name}'" for name in absent)
        return f"{names} was called, and there is no stub: say in tool_results what it answers"
    return None


# ── the script ───────────────────────────────────────────────────────────────────────────────────


def _script(test: ConversationTest, language: str) -> list[Item]:
    """What the caller does, with its audio made."""
    items: list[Item] = []
    for step in test.steps:
        if step.user is not None:
            items.append(_utterance(step.user, language))
        elif step.wait is not None:
            items.append(Pause(step.wait))
        else:
            items.append(Look())
    return items


def _utterance(user: User, language: str) -> Utterance:
    into = None if user.while_ is None else user.at or 0
    if user.type is not None:
        return Utterance(Typed(user.type), into)
    if user.say is not None:
        return Utterance(spoken(user.say, language, RATE), into)
    if user.noise is not None:
        return Utterance(noise(user.noise, RATE), into)
    assert user.audio is not None, "one of the four was given"
    clip = load_clip(user.audio, RATE)
    return Utterance(clip if user.words is None else with_words(clip, user.words, RATE), into)
