"""The tool runner: the model's calls → messages for it, whatever the tools do.

A tool that has effects waits for its turn's commit. When a turn dies, those of its calls that may be
cancelled are; the others go on to their end, and their results are kept in the conversation, not spoken.
While such a call goes on, an equal one of a later turn waits for its result instead of executing it again.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from voicepipe.config.variables import insert
from voicepipe.core.calls import Workers
from voicepipe.core.clock import Clock
from voicepipe.core.masking import mask_secrets
from voicepipe.core.messages import Message, ToolCall, ToolOffer
from voicepipe.core.records import Record, ToolFinished, ToolStarted
from voicepipe.core.turns import Turn
from voicepipe.core.units import MS, SECOND, format_duration
from voicepipe.errors import ToolError, VoicepipeError
from voicepipe.runtime.tool_modes import ToolMode as ToolMode
from voicepipe.runtime.tool_modes import error_text
from voicepipe.runtime.tool_sets import ToolSet as ToolSet
from voicepipe.runtime.tool_tasks import ToolTasks
from voicepipe.speech.chunker import has_words
from voicepipe.speech.conversation import Conversation
from voicepipe.speech.tools import ARGUMENTS_LIMIT, ToolSpec, result_text, unknown_tool
from voicepipe.stages.base import SayMeanwhile

MAX_CALLS = 32
"""Calls that a model may make in one breath; more are a model that has lost its way."""

MAX_ERROR = 500
"""Characters of an exception's text that the model is shown."""

SAY_AFTER = 300 * MS
"""How long a call may take before ``say_while_running`` is said. The model needs about as long again for its
first word: an answer that comes sooner is spoken before such words would be over, and they would delay it."""

_NOT_CALLED = "interrupted before it was called"
_INTERRUPTED = "interrupted before it finished"
_RUNNING = "still running; its result will stand here as soon as it is known"
_MAYBE = "It may still have its effect."


@dataclass(slots=True, kw_only=True, eq=False)
class _Run:
    """One call on its way. ``result`` is the text that the model sees, once ``task`` has ended."""

    turn: int
    call: ToolCall
    spec: ToolSpec | None
    given: Any
    asked_ns: int
    """When the model was given what it knew: results that came later are news to it."""
    task: asyncio.Task[None] = field(init=False)
    begun: bool = False
    joined: _Run | None = None
    """The equal call that is executed in place of this one."""
    result: str | None = None
    failed: bool = True
    ended_ns: int | None = None

    @property
    def goes_on(self) -> bool:
        """Whether it outlives its turn."""
        return self.begun and self.spec is not None and not self.spec.cancellable

    def is_news(self, asked_ns: int) -> bool:
        """Whether a model that was asked at ``asked_ns`` can't know its result."""
        return self.ended_ns is None or self.ended_ns >= asked_ns

    def is_again(self, other: _Run) -> bool:
        """Whether ``other`` asks for the same."""
        return (self.call.name, self.given) == (other.call.name, other.given)


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
        self._words = _words_meanwhile(self._specs, tools.variables)
        self._answer = tools.mode.open(clock) if tools.mode is not None else None
        self._always_live = {"end_call"} & set(tools.builtins)
        self._tasks = ToolTasks()
        self._left: list[_Run] = []
        """Calls that go on although their turn is dead, and those whose results are still news."""
        self._last_said: tuple[int, str] | None = None
        """The turn and the words of what was said last while a tool ran."""

    def offers(self) -> list[ToolOffer]:
        return [
            ToolOffer(name=spec.name, description=spec.description, parameters=spec.parameters)
            for spec in self._specs.values()
        ]

    async def run(
        self, turn: Turn, calls: Sequence[ToolCall], *, asked_ns: int, say: SayMeanwhile | None = None
    ) -> list[Message]:
        """See ``ToolRunner.run``. If the turn dies, what becomes of each call is kept in the conversation."""
        self._left = [run for run in self._left if run.is_news(asked_ns)]
        runs = [
            _Run(
                turn=turn.id,
                call=call,
                spec=self._specs.get(call.name),
                given=_parsed(call.arguments),
                asked_ns=asked_ns,
            )
            for call in calls
        ]
        for index, run in enumerate(runs):
            run.task = self._tasks.spawn(self._perform(turn, run, too_many=index >= MAX_CALLS))
        try:
            await self._say_meanwhile(turn, runs, say)
            for run in runs:
                await asyncio.wait([run.task])
        except BaseException:
            for run in runs:
                self._leave(run)
            raise
        for run in runs:
            run.task.result()  # raises what isn't the tool's: a log that can't be written
        return [
            Message(role="tool", text=_result(run), tool_call_id=call.id)
            for call, run in zip(calls, runs, strict=True)
        ]

    async def close(self, *, hurry: bool = False) -> None:
        """Wait a bounded time for the tools that go on, then cancel them; what resists is left behind.

        In a ``hurry`` they are cancelled at once.
        """
        await self._tasks.close(hurry=hurry)

    # ── what is said meanwhile ───────────────────────────────────────────────────────────────────

    async def _say_meanwhile(self, turn: Turn, runs: Sequence[_Run], say: SayMeanwhile | None) -> None:
        """Have the words of one of ``runs`` said, unless those that have any are answered soon.

        Nothing is said twice in a row, nor before the caller may hear it.
        """
        if say is None:
            self._last_said = None
            return
        words = {run: text for run in runs if (text := self._words.get(run.call.name))}
        words = {run: text for run, text in words.items() if self._last_said != (turn.id, text)}
        if not words:
            return
        due = self._tasks.spawn(self._silence_is_over(turn, words))
        try:
            while words and not due.done():
                await asyncio.wait([due, *(run.task for run in words)], return_when=asyncio.FIRST_COMPLETED)
                words = {run: text for run, text in words.items() if not run.task.done()}
        finally:
            due.cancel()
        if words and not due.cancelled():
            text = next(iter(words.values()))
            self._last_said = (turn.id, text)
            await say(text)

    async def _silence_is_over(self, turn: Turn, runs: Collection[_Run]) -> None:
        """Return when a call takes so long that something has to be said. Effects begin at the commit."""
        began = self._clock.now()
        await turn.committed()
        if all(run.spec is not None and run.spec.side_effect for run in runs):
            began = self._clock.now()
        await self._clock.sleep_until(began + SAY_AFTER)

    # ── one call ─────────────────────────────────────────────────────────────────────────────────

    def _leave(self, run: _Run) -> None:
        """Nobody waits for ``run`` any more."""
        if run.task.done():
            self._keep(run)
            return
        if run.goes_on:
            self._conversation.add_tool_result(run.turn, run.call.id, _RUNNING)
            if run.joined is None:
                self._left.append(run)
        else:
            run.task.cancel()
        run.task.add_done_callback(lambda _: self._keep(run))

    def _keep(self, run: _Run) -> None:
        self._conversation.add_tool_result(run.turn, run.call.id, _result(run))

    async def _perform(self, turn: Turn, run: _Run, *, too_many: bool) -> None:
        """Answer one call. However it ends, it is recorded once."""
        call, spec = run.call, run.spec
        if spec is not None and spec.side_effect:
            await turn.committed()
        run.begun = True
        run.joined = next(
            (left for left in self._left if left.is_again(run) and left.is_news(run.asked_ns)), None
        )
        self._record(
            ToolStarted(
                at_ns=self._clock.now(),
                turn=turn.id,
                call_id=call.id,
                name=call.name,
                arguments=run.given,
                joined=run.joined is not None,
            )
        )
        result, failed = error_text(_with_effect(_INTERRUPTED, spec)), True
        try:
            if too_many:
                raise ToolError(f"not called: more than {MAX_CALLS} tools at once")
            if run.joined is not None:
                await asyncio.wait([run.joined.task])
                result, failed = _result(run.joined), run.joined.failed
            else:
                result, failed = await self._execute(run), False
        except Exception as error:  # a tool may raise anything, and the model goes on with all of it
            result = error_text(mask_secrets(_what_happened(error), self._secrets))
        finally:
            run.result, run.failed, run.ended_ns = result, failed, self._clock.now()
            self._record(
                ToolFinished(
                    at_ns=run.ended_ns,
                    turn=turn.id,
                    call_id=call.id,
                    name=call.name,
                    result=result,
                    error=failed,
                )
            )

    async def _execute(self, run: _Run) -> str:
        spec = run.spec
        if spec is None:
            raise ToolError(unknown_tool(run.call.name, self._specs))
        arguments = spec.validate(run.given)
        if self._answer is not None and spec.name not in self._always_live:
            answer = self._answer(spec.name, run.given)
        elif spec.fn is None:
            raise ToolError(f"nobody answers {spec.name} in this call")
        elif spec.is_async:
            answer = spec.fn(**arguments)
        else:
            return await self._in_worker(spec, partial(spec.fn, **arguments))
        return result_text(await self._tasks.within(spec.timeout_s, answer, late=_too_late(spec)))

    async def _in_worker(self, spec: ToolSpec, call: Callable[[], Any]) -> str:
        def execute() -> str | Exception:
            # Returned, so that a TimeoutError of the tool's own isn't taken for that of the deadline.
            try:
                return result_text(call())
            except Exception as error:
                return error

        try:
            outcome = await self._workers.call(execute, deadline_ns=round(spec.timeout_s * SECOND))
        except TimeoutError:
            raise _too_late(spec) from None
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def _words_meanwhile(specs: Mapping[str, ToolSpec], variables: Mapping[str, str]) -> dict[str, str]:
    """What is said while a tool runs, by the tool's name, with the call's variables in it."""
    words = {name: insert(spec.say_while_running or "", variables) for name, spec in specs.items()}
    return {name: text for name, text in words.items() if has_words(text)}


def _result(run: _Run) -> str:
    return error_text(_NOT_CALLED) if run.result is None else run.result


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
    limit = format_duration(round(spec.timeout_s * SECOND))
    return ToolError(_with_effect(f"{spec.name} gave no answer within {limit}", spec))


def _with_effect(problem: str, spec: ToolSpec | None) -> str:
    return f"{problem}. {_MAYBE}" if spec is not None and spec.side_effect else f"{problem}"
