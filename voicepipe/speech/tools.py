"""What a tool of the model is, and Python functions as such: signature → JSON schema, result → text.

Nothing is executed here. ``@tool`` leaves the function as it is, so that it can be called and tested like
any other, and puts a ``ToolSpec`` beside it. What a function can't be is said when it is decorated, with the
place; what a model does wrong is said to the model, as a ``ToolError`` that it can act on.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NoReturn, TypeVar, overload

from pydantic_core import PydanticSerializationError, to_json

from voicepipe.core.names import did_you_mean
from voicepipe.core.nodes import Place
from voicepipe.core.units import SECOND, parse_duration
from voicepipe.errors import ConfigError, ToolError, UsageError
from voicepipe.speech.arguments import Arguments, ByTypes, Refused, cut, outline, shown
from voicepipe.speech.meanwhile import words_meanwhile
from voicepipe.speech.signatures import fail, read_signature

DEFAULT_TIMEOUT = "10s"
"""A caller takes a longer silence for a line that was cut."""

ARGUMENTS_LIMIT = 65_536
"""Characters of JSON. A model that writes more has lost its way."""

RESULT_LIMIT = 8192
"""Bytes of a result: about 2,000 tokens, read by the model before its next word and paid with each turn."""

MESSAGE_LIMIT = 2000
NAME_PATTERN = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""The names that OpenAI's API accepts; the other vendors' rules are no narrower."""

_ATTRIBUTE = "__voicepipe_tool__"
_ANOTHER_NAME = (
    "Give one of them another name: @tool(name='...'), or in the pipeline file 'name' or 'prefix'."
)

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ToolSpec:
    """Something that the model may call: a function, a request to a server, a question to the program."""

    name: str
    description: str
    parameters: dict[str, Any]
    """JSON schema of an object, draft 2020-12 unless it says otherwise."""
    side_effect: bool
    """False: calling it changes nothing, so that it may run early and in vain."""
    timeout_s: float
    is_async: bool
    fn: Callable[..., Any] | None
    """Called with the arguments by their names. None: the program that holds the call answers, and it has
    not said with what."""
    takes: Arguments = field(repr=False)
    may_cancel: bool | None = None
    """Whether an interruption ends a call; None: exactly if it has no side effects."""
    say_while_running: str | None = None
    """What the agent says if a call isn't answered at once."""
    clock: Literal["any", "real"] = "any"
    """``real``: it talks to the outside world, which keeps real time."""
    place: Place | None = None
    """Where it was declared, for a tool that isn't a function in a file of its own."""

    def __post_init__(self) -> None:
        if self.may_cancel and self.side_effect and not self.is_async:
            self.fail(
                f"a call of '{self.name}' can't be cancelled: its thread can't be stopped and would have "
                "its effect all the same",
                hint="Make it 'async def', or leave 'cancellable' out.",
            )

    @property
    def cancellable(self) -> bool:
        """Whether a call ends when the reply that it is for is interrupted; else it goes on to its end."""
        return not self.side_effect if self.may_cancel is None else self.may_cancel

    def fail(self, problem: str, *, hint: str | None = None) -> NoReturn:
        """Raise a ``ConfigError`` at the place where the tool was declared."""
        if self.place is not None or self.fn is None:
            at = self.place
            raise at.error(problem, hint=hint) if at else ConfigError(problem, hint=hint)
        fail(self.fn, problem, hint=hint)

    def validate(self, arguments: str | Mapping[str, Any]) -> dict[str, Any]:
        """The arguments for ``fn``, by name, from what the model wrote; see ``Arguments.checked``.

        No text at all is taken for no arguments, as models write it. Raises ``ToolError``.
        """
        given = self._parsed(arguments) if isinstance(arguments, str) else dict(arguments)
        try:
            return self.takes.checked(given)
        except Refused as refused:
            raise self._refused(str(refused)) from None

    def _parsed(self, arguments: str) -> dict[str, Any]:
        if len(arguments) > ARGUMENTS_LIMIT:
            raise self._refused(f"the arguments are longer than {ARGUMENTS_LIMIT} characters")
        try:
            given = json.loads(arguments) if arguments.strip() else {}
        except json.JSONDecodeError as error:
            raise self._refused(f"the arguments are not JSON: {error.msg} at character {error.pos}") from None
        except (ValueError, RecursionError):  # a number of thousands of digits, thousands of brackets
            raise self._refused("the arguments hold a number or a nesting beyond all bounds") from None
        if not isinstance(given, dict):
            raise self._refused(f"the arguments are {shown(given)}, expected a JSON object")
        return given

    def _refused(self, problem: str) -> ToolError:
        required = self.parameters.get("required", ())
        expected = ", ".join(
            f"{name} ({outline(schema)}{'' if name in required else ', optional'})"
            for name, schema in self.parameters.get("properties", {}).items()
        )
        return ToolError(
            cut(f"{self.name} was not called: {problem}. It takes: {expected or 'nothing'}.", MESSAGE_LIMIT)
        )


@overload
def tool(fn: F, /) -> F: ...


@overload
def tool(
    *,
    name: str | None = None,
    description: str | None = None,
    side_effect: bool = True,
    timeout: str | float = DEFAULT_TIMEOUT,
    cancellable: bool | None = None,
    say_while_running: str | None = None,
) -> Callable[[F], F]: ...


def tool(
    fn: F | None = None,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    side_effect: bool = True,
    timeout: str | float = DEFAULT_TIMEOUT,
    cancellable: bool | None = None,
    say_while_running: str | None = None,
) -> F | Callable[[F], F]:
    """Mark a function as a tool: ``@tool`` or ``@tool(side_effect=False, timeout="3s")``.

    The parameters' types and the docstring become what the model sees. ``side_effect=False`` promises that
    a call changes nothing. ``timeout`` carries its unit, or is a number of seconds. ``cancellable``: an
    interruption ends a call; it is true exactly without side effects unless it is given.
    ``say_while_running`` is spoken if a call isn't answered at once. Raises ``ConfigError`` with the
    function's place for a signature that a model can't fill in.
    """
    options: dict[str, Any] = {
        "name": name,
        "description": description,
        "side_effect": side_effect,
        "timeout_s": _seconds(timeout),
        "may_cancel": cancellable,
        "say_while_running": None if say_while_running is None else _own_words(say_while_running),
    }

    def mark(function: F) -> F:
        if inspect.ismethod(function):
            raise UsageError(
                f"@tool marks functions, found a method of {function.__self__!r}",
                hint="Pass the method itself: tools=[thing.method].",
            )
        setattr(function, _ATTRIBUTE, _build(function, **options))
        return function

    return mark if fn is None else mark(fn)


def tool_spec(fn: Callable[..., Any]) -> ToolSpec:
    """The spec of a function, marked with ``@tool`` or not (then with the defaults)."""
    return find_spec(fn) or _build(fn, side_effect=True, timeout_s=_seconds(DEFAULT_TIMEOUT))


def find_spec(thing: object) -> ToolSpec | None:
    """What ``@tool`` left at ``thing``, if it did."""
    spec = getattr(thing, _ATTRIBUTE, None) if inspect.isroutine(thing) else None
    return spec if isinstance(spec, ToolSpec) else None


def tools_by_name(specs: Iterable[ToolSpec]) -> dict[str, ToolSpec]:
    """The tools in their order. Two different ones of the same name are a ``ConfigError``."""
    found: dict[str, ToolSpec] = {}
    for spec in specs:
        if found.setdefault(spec.name, spec) is not spec:
            spec.fail(f"there are two tools named '{spec.name}'", hint=_ANOTHER_NAME)
    return found


def unknown_tool(name: str, known: Iterable[str]) -> str:
    """What the model is told that called a tool that doesn't exist."""
    names = list(known)
    listed = ", ".join(names[:20]) + (", ..." if len(names) > 20 else "") or "none"
    return f"There is no tool named '{cut(name, 80)}'.{did_you_mean(name, names)} The tools are: {listed}."


def result_text(value: Any, limit_bytes: int = RESULT_LIMIT) -> str:
    """A tool's result as the model reads it: text as it is, all else as compact JSON.

    At most ``limit_bytes`` of UTF-8, at least 128; a longer result is cut and says so. ``None`` becomes
    "done". Raises ``ToolError`` for what has no JSON form.
    """
    if limit_bytes < 128:
        raise ValueError(f"limit_bytes has to leave room for a note, at least 128: {limit_bytes}")
    if value is None:
        return "done"
    encoded = value.encode("utf-8", "replace") if isinstance(value, str) else _json(value)
    if len(encoded) > limit_bytes:
        note = f"... [cut: the result has {len(encoded)} bytes, only its beginning is shown]"
        return encoded[: limit_bytes - len(note)].decode("utf-8", "ignore") + note
    return encoded.decode("utf-8")


def _json(value: Any) -> bytes:
    if isinstance(value, Iterator | AsyncIterator | Awaitable):
        # An iterator may have no end, and a coroutine was never awaited.
        raise _no_json(value, "a value")
    try:
        return to_json(value, inf_nan_mode="null")
    except (PydanticSerializationError, ValueError) as error:
        raise _no_json(value, str(error).splitlines()[0]) from None


def _no_json(value: Any, problem: str) -> ToolError:
    return ToolError(
        f"the tool returned a {type(value).__name__} that has no JSON form ({cut(problem, 200)})",
        hint="Return text, numbers, lists, dicts, dataclasses or pydantic models.",
    )


def _build(
    fn: Callable[..., Any], *, name: str | None = None, description: str | None = None, **options: Any
) -> ToolSpec:
    signature = read_signature(fn)
    spec_name = fn.__name__ if name is None else name
    if not NAME_PATTERN.fullmatch(spec_name):
        fail(
            fn,
            f"'{cut(spec_name, 80)}' can't be a tool's name: 1 to 64 of A-Z, a-z, 0-9, '_' and '-'",
            hint="Give it one: @tool(name='...').",
        )
    return ToolSpec(
        name=spec_name,
        description=signature.description if description is None else description,
        parameters=signature.schema,
        is_async=inspect.iscoroutinefunction(fn),
        fn=fn,
        takes=ByTypes(signature.model, signature.names),
        **options,
    )


def _own_words(text: str) -> str:
    try:
        words = words_meanwhile(text)
    except ValueError as error:
        raise UsageError(f"@tool(say_while_running=...): {error}") from None
    if "{{" in words:
        raise UsageError(
            "@tool(say_while_running=...): variables belong to a pipeline and can't be inserted here",
            hint="Write it in the pipeline file: {python: ./tools.py:NAME, say_while_running: ...}.",
        )
    return words


def _seconds(timeout: str | float) -> float:
    try:
        seconds = parse_duration(timeout) / SECOND if isinstance(timeout, str) else float(timeout)
    except ValueError as error:
        raise UsageError(f"@tool(timeout={timeout!r}): {error}") from None
    if not 0 < seconds < float("inf"):
        raise UsageError(f"@tool(timeout={timeout!r}): expected more than nothing and less than for ever")
    return seconds
