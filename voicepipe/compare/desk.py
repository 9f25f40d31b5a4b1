"""Holds calls on one clock, in one event loop: whatever they need is loaded once and serves all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self
from zlib import crc32

from voicepipe.api import Call, Pipeline
from voicepipe.compare.environment import load, now
from voicepipe.compare.measure import measured
from voicepipe.compare.measured import MeasuredCall
from voicepipe.compare.one_call import Before, Held, Purse, hold_one
from voicepipe.compare.plan import Run, Scripted, Tools, Variant
from voicepipe.config.load import LoadedPipeline
from voicepipe.config.slots import Filling, Slot
from voicepipe.core.clock import ClockName, run_on, runner_on
from voicepipe.core.messages import Message, ToolCall
from voicepipe.errors import AudioError, SetupError, VoicepipeError
from voicepipe.providers.sim import SimConfig

Tell = Callable[[str], None]
"""Takes a sentence for a person."""


class StandIn(Protocol):
    """A server on this computer that plays a vendor's part."""

    @property
    def base_url(self) -> str:
        """What ``base_url`` of the stage is set to."""
        ...

    def prepare(self, call: Scripted) -> None:
        """``call`` is about to be held: what the caller will say in it is known."""
        ...

    def listen(self, number: int) -> None:
        """The caller is about to begin that utterance of the call, from 0."""
        ...


StandIns = Mapping[str, Callable[[], AbstractAsyncContextManager[StandIn]]]
"""By the stage whose vendor it plays (``Variant.server``)."""


class Desk:
    """``with Desk(…) as desk:`` starts the variants; those that can't be started are told, and their calls
    have that for an ``error``."""

    def __init__(
        self, clock: ClockName, variants: Sequence[Variant], tools: Tools, *, stand_ins: StandIns, tell: Tell
    ) -> None:
        self._runner = runner_on(clock)
        self._variants = variants
        self._tools = tools
        self._make = stand_ins
        self._tell = tell
        self._pipelines: dict[str, Pipeline] = {}
        self._servers: dict[str, StandIn] = {}
        self._broken: dict[str, str] = {}
        self._stack = AsyncExitStack()

    def __enter__(self) -> Self:
        self._runner.__enter__()
        try:
            self._runner.run(self._start())
        except BaseException as error:
            self.__exit__(type(error), error, error.__traceback__)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._runner.run(self._stack.aclose())
        finally:
            self._runner.__exit__(kind, error, trace)

    def hold(self, run: Run, recording: Path | None, purse: Purse | None = None) -> MeasuredCall:
        """``purse`` pays for it, and tells what it has cost, also if it is broken off. Raises ``AudioError``
        if the recording can't be written."""
        broken = self._broken.get(run.variant.name)
        if broken is not None:
            return measured(run, Held(None, broken), began=now(), load=load(), stubs=None)
        pipeline, server = self._pipelines[run.variant.name], self._servers.get(run.variant.name)
        before = _recall(run.call)
        if server is not None:
            server.prepare(run.call)
            before = _both(before, server.listen)
        return held_on(pipeline, run, self._tools, recording, before, self._runner.run, purse)

    async def _start(self) -> None:
        for variant in self._variants:
            try:
                pipeline = Pipeline((await self._loaded(variant)).rehearsed())
                await pipeline.start(warn=self._warn(variant), live_tools=self._tools == "live")
            except Exception as error:  # what one variant lacks mustn't keep the others from being measured
                said = variant.loaded.environment.mask(_in_words(error))
                self._broken[variant.name] = said
                self._tell(f"'{variant.name}' can't be held: {said}")
                continue
            self._stack.push_async_callback(pipeline.close)
            self._pipelines[variant.name] = pipeline

    def _warn(self, variant: Variant) -> Tell:
        return lambda message: self._tell(f"'{variant.name}': {message}")

    async def _loaded(self, variant: Variant) -> LoadedPipeline:
        """The variant's own, or with the address of the stand-in that it needs."""
        if variant.server is None:
            return variant.loaded
        make = self._make.get(variant.server)
        if make is None:
            raise SetupError(f"there is no stand-in for '{variant.server}'")
        server = await self._stack.enter_async_context(make())
        self._servers[variant.name] = server
        return variant.load(f"stages.{variant.server}.base_url={server.base_url}")


def simulate(run: Run, tools: Tools, recording: Path | None) -> MeasuredCall:
    """``run`` on the simulated clock, in a loop of its own: the answer doesn't depend on what was held before
    it, nor where. The latencies of ``sim`` providers are drawn anew for each call and repetition, the same
    for all variants."""
    seed = crc32(f"{run.call.name}/{run.repetition}".encode())
    pipeline = Pipeline(_seeded(run.variant.loaded, seed).rehearsed())
    before = _recall(run.call)
    return held_on(pipeline, run, tools, recording, before, lambda call: run_on("simulated", call))


def held_on(
    pipeline: Pipeline,
    run: Run,
    tools: Tools,
    recording: Path | None,
    before: Before | None,
    runs: Callable[[Any], Held],
    purse: Purse | None = None,
) -> MeasuredCall:
    """``runs`` runs the coroutine that holds the call. Raises ``AudioError`` if it can't be recorded."""
    call, test = run.call, run.call.test
    stubs: dict[str, Any] | None = None
    if tools == "stubs":
        stubs = {
            **pipeline.loaded.tool_results,
            **call.tool_results,
            **(test.test.tool_results if test else {}),
        }
    began, busy = now(), load()
    try:
        held = runs(
            hold_one(
                pipeline,
                call.script,
                vars={**(test.test.vars if test else {}), **call.vars},
                stubs=stubs,
                recording=recording,
                before=before,
                purse=purse,
            )
        )
    except AudioError:  # of the recording: nothing of this comparison can be kept any more
        raise
    except VoicepipeError as error:
        held = Held(None, pipeline.loaded.environment.mask(_in_words(error)))
    return measured(run, held, began=began, load=busy, stubs=stubs, recording=recording)


def _both(first: Before | None, listen: Callable[[int], None]) -> Before:
    def before(call: Call, number: int) -> None:
        if first is not None:
            first(call, number)
        listen(number)

    return before


def _recall(call: Scripted) -> Before | None:
    """Before each utterance, what was said up to it in the recording."""
    if not call.remembered:
        return None
    pasts = [[_message(one) for one in past] for past in call.remembered]

    def recall(held: Call, number: int) -> None:
        if number < len(pasts):
            held.recall(pasts[number])

    return recall


def _message(one: Mapping[str, Any]) -> Message:
    calls = tuple(ToolCall(**call) for call in one.get("tool_calls", ()))
    return Message(role=one["role"], text=one["text"], tool_calls=calls, tool_call_id=one.get("tool_call_id"))


def _seeded(loaded: LoadedPipeline, number: int) -> LoadedPipeline:
    return replace(loaded, slots=tuple(_seeded_slot(slot, number) for slot in loaded.slots))


def _seeded_slot(slot: Slot, number: int) -> Slot:
    fallbacks = tuple(_seeded_filling(one, number) for one in slot.fallbacks)
    config = _seeded_config(slot.provider_config, number)
    return replace(slot, provider_config=config, fallbacks=fallbacks)


def _seeded_filling(filling: Filling, number: int) -> Filling:
    return replace(filling, config=_seeded_config(filling.config, number))


def _seeded_config(config: Any, number: int) -> Any:
    """Another seed than the file's, but one that it takes part in."""
    if not isinstance(config, SimConfig):
        return config
    return config.model_copy(update={"seed": (config.seed << 32) + number})


def _in_words(error: Exception) -> str:
    if isinstance(error, VoicepipeError):
        return "; ".join(filter(None, (error.message, error.hint)))
    return f"{type(error).__name__}: {error}"
