"""The tool runner: the model's calls → messages for it, whatever the tools do.

A tool that has effects waits for its turn's commit, and once it has begun it goes on when the turn dies:
its result is recorded in the conversation, not spoken. A tool without effects is cancelled with its turn.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Collection, Coroutine, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from voicepipe.config.models import Builtin, BuiltinTool, PythonTool
from voicepipe.core.calls import Workers
from voicepipe.core.clock import Clock
from voicepipe.core.masking import mask_secrets
from voicepipe.core.messages import Message, ToolCall, ToolOffer
from voicepipe.core.records import Record, ToolFinished, ToolStarted
from voicepipe.core.turns import Turn
from voicepipe.core.units import SECOND, format_duration
from voicepipe.errors import ToolError, VoicepipeError
from voicepipe.runtime.builtin_tools import builtin_tool, system_time
from voicepipe.runtime.leash import Leash
from voicepipe.runtime.tool_files import load_python_tools
from voicepipe.runtime.tool_modes import ToolMode as ToolMode
from voicepipe.runtime.tool_modes import error_text
from voicepipe.speech.conversation import Conversation
from voicepipe.speech.tools import (
    ARGUMENTS_LIMIT,
    ToolSpec,
    result_text,
    tool_spec,
    tools_by_name,
    unknown_tool,
)

MAX_CALLS = 32
"""Calls that a model may make in one breath; more are a model that has lost its way."""

MAX_ERROR = 500
"""Characters of an exception's text that the model is shown."""

CLOSE_S = 5.0
"""How long a session that has ended waits for tools that have effects, before it cancels them."""

UNWIND_S = 0.5
"""How long it then waits for what was cancelled to come to its end."""

_INTERRUPTED = "interrupted before it finished"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolSet:
    """The tools of a pipeline, and how they are answered: ``mode`` None executes them.

    ``secrets`` are values that no error text may contain; the set may grow meanwhile.
    """

    specs: tuple[ToolSpec, ...] = ()
    builtins: tuple[Builtin, ...] = ()
    mode: ToolMode | None = None
    secrets: Collection[str] = ()
    wall_clock: Callable[[], datetime] = system_time

    @classmethod
    def of(
        cls,
        configured: Sequence[PythonTool | BuiltinTool],
        functions: Sequence[Callable[..., Any]] = (),
        *,
        mode: ToolMode | None = None,
        secrets: Collection[str] = (),
        wall_clock: Callable[[], datetime] = system_time,
    ) -> ToolSet:
        """The tools that a pipeline file names, and ``functions``. Runs the code of the tools' files.

        Raises ``ConfigError`` for files and functions that can't be used and for names given twice.
        """
        specs = [spec for entry in configured if isinstance(entry, PythonTool) for spec in _load(entry)]
        specs += [tool_spec(function) for function in functions]
        builtins = tuple(dict.fromkeys(e.builtin for e in configured if isinstance(e, BuiltinTool)))
        tools = cls(specs=tuple(specs), builtins=builtins, mode=mode, secrets=secrets, wall_clock=wall_clock)
        tools.by_name(hang_up=lambda reason: None)
        return tools

    def by_name(self, *, hang_up: Callable[[str], None]) -> dict[str, ToolSpec]:
        """All tools, for a call that ``hang_up`` ends. Two of one name are a ``ConfigError``."""
        builtins = [builtin_tool(b, hang_up=hang_up, wall_clock=self.wall_clock) for b in self.builtins]
        return tools_by_name([*builtins, *self.specs])


def _load(entry: PythonTool) -> list[ToolSpec]:
    reference = str(entry.file) if entry.function is None else f"{entry.file}:{entry.function}"
    changes: dict[str, Any] = {}
    if entry.timeout is not None:
        changes["timeout_s"] = entry.timeout / SECOND
    if entry.side_effect is not None:
        changes["side_effect"] = entry.side_effect
    return [replace(spec, **changes) for spec in load_python_tools(reference, entry.file.parent)]


@dataclass(slots=True)
class _Run:
    """One call on its way. ``task`` gives the text that the model sees."""

    call: ToolCall
    spec: ToolSpec | None
    given: Any
    task: asyncio.Task[str] | None = None
    begun: bool = False

    @property
    def goes_on(self) -> bool:
        """Whether it outlives its turn."""
        return self.begun and self.spec is not None and self.spec.side_effect


class SessionTools:
    """The tools of one session: a ``stages.base.ToolRunner``. ``close`` it when the call has ended."""

    def __init__(
        self,
        tools: ToolSet,
        *,
        clock: Clock,
        workers: Workers,
        conversation: Conversation,
        record: Callable[[Record], None],
        hang_up: Callable[[str], None],
    ) -> None:
        self._clock = clock
        self._workers = workers
        self._conversation = conversation
        self._record = record
        self._secrets = tools.secrets
        self._specs = tools.by_name(hang_up=hang_up)
        self._answer = tools.mode.open(clock) if tools.mode is not None else None
        self._always_live = {"end_call"} & set(tools.builtins)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._late: set[asyncio.Task[Any]] = set()
        """Those whose time is over; they have been cancelled."""
        self._leashes: set[Leash] = set()
        """Of somebody else's code under way."""

    def offers(self) -> list[ToolOffer]:
        return [
            ToolOffer(name=spec.name, description=spec.description, parameters=spec.parameters)
            for spec in self._specs.values()
        ]

    async def run(self, turn: Turn, calls: Sequence[ToolCall]) -> list[Message]:
        """See ``ToolRunner.run``. If the turn dies, what was finished is kept in the conversation."""
        runs = [_Run(call, self._specs.get(call.name), _parsed(call.arguments)) for call in calls]
        for index, run in enumerate(runs):
            run.task = self._spawn(self._perform(turn, run, too_many=index >= MAX_CALLS))
        tasks = [run.task for run in runs if run.task is not None]
        if tasks:
            try:
                await asyncio.wait(tasks)
            except asyncio.CancelledError:
                for run in runs:
                    self._leave(turn.id, run)
                raise
        return [
            Message(role="tool", text=task.result(), tool_call_id=call.id)
            for call, task in zip(calls, tasks, strict=True)
        ]

    async def close(self) -> None:
        """Wait a bounded time for the tools that go on, then cancel them; what resists is left behind."""
        try:
            if going_on := self._tasks - self._late:
                await asyncio.wait(going_on, timeout=CLOSE_S)
        finally:
            for task in self._tasks:
                task.cancel()
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=UNWIND_S)
            for leash in self._leashes:
                leash.let_go()
            for task in self._tasks:
                task.cancel()
            if self._tasks:
                await asyncio.wait(self._tasks)

    # ── one call ─────────────────────────────────────────────────────────────────────────────────

    def _leave(self, turn: int, run: _Run) -> None:
        """Nobody waits for ``run`` any more."""
        assert run.task is not None, "every run has its task"
        if not run.task.done() and not run.goes_on:
            run.task.cancel()
            return

        def keep(task: asyncio.Task[str]) -> None:
            if not task.cancelled():
                self._conversation.add_tool_result(turn, run.call.id, task.result())

        run.task.add_done_callback(keep)

    async def _perform(self, turn: Turn, run: _Run, *, too_many: bool) -> str:
        """Execute one call. However it ends, it is recorded once."""
        call = run.call
        if run.spec is not None and run.spec.side_effect:
            await turn.committed()
        run.begun = True
        self._record(
            ToolStarted(
                at_ns=self._clock.now(), turn=turn.id, call_id=call.id, name=call.name, arguments=run.given
            )
        )
        result, failed = error_text(_INTERRUPTED), True
        try:
            if too_many:
                raise ToolError(f"not called: more than {MAX_CALLS} tools at once")
            result, failed = await self._execute(run), False
        except Exception as error:  # a tool may raise anything, and the model goes on with all of it
            result = error_text(mask_secrets(_what_happened(error), self._secrets))
        finally:
            self._record(
                ToolFinished(
                    at_ns=self._clock.now(),
                    turn=turn.id,
                    call_id=call.id,
                    name=call.name,
                    result=result,
                    error=failed,
                )
            )
        return result

    async def _execute(self, run: _Run) -> str:
        spec = run.spec
        if spec is None:
            raise ToolError(unknown_tool(run.call.name, self._specs))
        arguments = spec.validate(run.given)
        if self._answer is not None and spec.name not in self._always_live:
            text: str = await self._within(spec, self._answer(spec.name, run.given))
            return text
        if spec.is_async:
            return result_text(await self._within(spec, spec.fn(**arguments)))
        return await self._in_worker(spec, arguments)

    async def _in_worker(self, spec: ToolSpec, arguments: dict[str, Any]) -> str:
        def execute() -> str | Exception:
            # Returned, so that a TimeoutError of the tool's own isn't taken for that of the deadline.
            try:
                return result_text(spec.fn(**arguments))
            except Exception as error:
                return error

        try:
            outcome = await self._workers.call(execute, deadline_ns=round(spec.timeout_s * SECOND))
        except TimeoutError:
            raise _too_late(spec) from None
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def _within(self, spec: ToolSpec, answer: Awaitable[Any]) -> Any:
        """Await the answer in a task of its own: one that resists its cancellation is left behind."""
        leash = Leash(answer)
        self._leashes.add(leash)
        task = self._spawn(_sealed(leash))
        task.add_done_callback(lambda _: self._leashes.discard(leash))
        try:
            await asyncio.wait([task], timeout=spec.timeout_s)
        finally:
            task.cancel()
        if not task.done():
            self._late.add(task)
            raise _too_late(spec)
        if task.cancelled():
            raise ToolError("it cancelled itself")
        return task.result()

    def _spawn(self, coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._forget)
        return task

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        self._late.discard(task)
        if not task.cancelled():
            task.exception()  # of a tool that was left behind, nobody else will ask for it


async def _sealed(answer: Awaitable[Any]) -> Any:
    """``sys.exit()`` in somebody's tool must end the tool's call, not the event loop."""
    try:
        return await answer
    except SystemExit as error:
        raise ToolError(f"it tried to end the process: SystemExit({error})") from error


def _parsed(arguments: str) -> Any:
    """The JSON object that the model wrote, or its text if it isn't one."""
    if len(arguments) > ARGUMENTS_LIMIT:
        return arguments[: ARGUMENTS_LIMIT + 1]
    try:
        given = json.loads(arguments) if arguments.strip() else {}
    except (ValueError, RecursionError):
        return arguments
    return given if isinstance(given, dict) else arguments


def _what_happened(error: Exception) -> str:
    """In one line and without a traceback; what a tool says of itself (``ToolError``) is said whole."""
    if isinstance(error, VoicepipeError):
        return error.message
    text = " ".join(str(error).split())[:MAX_ERROR]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _too_late(spec: ToolSpec) -> ToolError:
    effect = " It may still have its effect." if spec.side_effect else ""
    limit = format_duration(round(spec.timeout_s * SECOND))
    return ToolError(f"{spec.name} gave no answer within {limit}.{effect}")
