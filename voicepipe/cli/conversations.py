"""Holds the conversations of tests, each on a loop of its own, and says what was missed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from voicepipe.api import Pipeline
from voicepipe.compare.one_call import hold_one, not_held
from voicepipe.compare.plan import Tools as Tools
from voicepipe.compare.scripts import problems_of, script_of, tool_names
from voicepipe.config.conversation_files import LocatedTest
from voicepipe.config.load import LoadedPipeline
from voicepipe.core.clock import ClockName, run_on
from voicepipe.core.records import TurnEnded
from voicepipe.core.units import SECOND
from voicepipe.errors import ConfigError, ConfigErrors
from voicepipe.observe.evidence import Evidence
from voicepipe.observe.expectations import Miss, judge
from voicepipe.transports.conversation import Item


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
            pipelines[loaded.profile] = Pipeline(loaded.rehearsed())
            tools[loaded.profile] = tool_names(loaded)
        script = script_of(located.test, loaded.agent.language)
        case = Case(located, pipelines[loaded.profile], clock or located.test.clock or "simulated", script)
        cases.append(case)
        errors += _problems(case, tools[loaded.profile])
    if errors:
        raise ConfigErrors(list({str(error): error for error in errors}.values()))
    return cases


def _problems(case: Case, tools: set[str]) -> Iterator[ConfigError]:
    """What can be said of a test before it is run, but only with the pipeline at hand."""
    yield from problems_of(case.located, case.loaded, tools)
    for slot in case.loaded.slots:
        if case.clock != "real" and slot.provider is not None and slot.provider.clock == "real":
            said = f"stages.{slot.key} ({slot.use}) can't run on the {case.clock} clock"
            yield case.located.place("clock").error(said, hint="say 'clock: real' here, or give --clock real")


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
    stubs = case.stubs() if tools == "stubs" else None
    held = await hold_one(case.pipeline, case.script, vars=case.located.test.vars, stubs=stubs)
    if held.error is not None or held.evidence is None:
        verdict.error = held.error
        return verdict
    verdict.evidence = held.evidence
    verdict.error = not_held(held.evidence, stubs)
    located = case.located
    verdict.misses = sorted(judge(located.test, held.evidence), key=lambda miss: _place(located, miss))
    return verdict


def _place(located: LocatedTest, miss: Miss) -> tuple[int, int]:
    place = located.place(*miss.path)
    return place.line, place.column
