"""Where a tool's answer comes from when the tool isn't executed: from a recording, or from stubs.

Without a mode tools run live. ``end_call`` acts on nothing but the call itself and always does.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from voicepipe.core.clock import Clock
from voicepipe.core.units import parse_duration
from voicepipe.errors import ToolError, UsageError
from voicepipe.speech.tools import result_text

Answer = Callable[[str, Any], Awaitable[str]]
"""``await answer(name, arguments)``: the text that the model sees; raises ``ToolError``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedCall:
    """A call of a recorded conversation, as its ``ToolStarted`` and ``ToolFinished`` tell."""

    name: str
    arguments: dict[str, Any] | str
    result: str
    error: bool = False


class Recorded:
    """Answers from a recording: each of its calls once, in their order among calls that are equal."""

    def __init__(self, calls: Iterable[RecordedCall]) -> None:
        self._calls = tuple(calls)

    def open(self, clock: Clock) -> Answer:
        """The answers for one session."""
        left = deque(self._calls)

        async def answer(name: str, arguments: Any) -> str:
            for call in left:
                if call.name == name and call.arguments == arguments:
                    left.remove(call)
                    if call.error:
                        raise ToolError(error_told(call.result))
                    return call.result
            raise ToolError(f"the recording has no further call of {name} with these arguments")

        return answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Stub:
    """What a tool answers, after ``delay_ns``: ``result``, or ``error`` if that is given."""

    result: Any = None
    delay_ns: int = 0
    error: str | None = None


class Stubs:
    """Answers from a file: ``{name: result}`` or ``{name: {result: …, delay: 2s, error: …}}``.

    A map with no other keys than these three is of the second form. Raises ``UsageError`` for a delay
    without a unit and for a stub with both a result and an error.
    """

    def __init__(self, answers: Mapping[str, Any]) -> None:
        self._stubs = {name: _stub(name, answer) for name, answer in answers.items()}

    def open(self, clock: Clock) -> Answer:
        """The answers for one session."""

        async def answer(name: str, arguments: Any) -> str:
            stub = self._stubs.get(name)
            if stub is None:
                raise ToolError(f"there is no stub for the tool {name}")
            await clock.sleep(stub.delay_ns)
            if stub.error is not None:
                raise ToolError(stub.error)
            return result_text(stub.result)

        return answer


ToolMode = Recorded | Stubs


def error_text(message: str) -> str:
    """An error as the model sees it: ``{"error": …}``."""
    return json.dumps({"error": message}, ensure_ascii=False, separators=(",", ":"))


def error_told(text: str) -> str:
    """The message in what ``error_text`` made, and any other text as it is."""
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return told["error"] if isinstance(told, dict) and isinstance(told.get("error"), str) else text


def _stub(name: str, answer: Any) -> Stub:
    if not isinstance(answer, Mapping) or not answer or not answer.keys() <= {"result", "delay", "error"}:
        return Stub(result=answer)
    if "result" in answer and "error" in answer:
        raise UsageError(f"the stub for {name} has a result and an error", hint="a call has one of them")
    try:
        delay_ns = parse_duration(answer["delay"]) if "delay" in answer else 0
    except ValueError as error:
        raise UsageError(f"the delay of the stub for {name}: {error}") from None
    error_text = None if answer.get("error") is None else str(answer["error"])
    return Stub(result=answer.get("result"), delay_ns=delay_ns, error=error_text)
