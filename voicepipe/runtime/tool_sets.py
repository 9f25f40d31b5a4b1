"""All the tools of a pipeline: whatever its kind, each becomes a ``ToolSpec``; the runner knows nothing else.

Making a set contacts no server and starts no command: what MCP tools take is told by the lock file. Only
``connect`` does, and only a pipeline whose tools run live calls it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from voicepipe.config.load import LoadedPipeline
from voicepipe.config.tool_lock import Lock, read_lock
from voicepipe.config.tool_models import (
    Builtin,
    BuiltinTool,
    HttpTool,
    McpTool,
    PythonTool,
    SchemaTool,
    Tool,
)
from voicepipe.core.clock import Clock
from voicepipe.core.names import did_you_mean
from voicepipe.core.nodes import Place
from voicepipe.core.units import SECOND, parse_duration
from voicepipe.errors import ConfigError, UsageError
from voicepipe.runtime.builtin_tools import builtin_tool, system_time
from voicepipe.runtime.http_tools import HttpDoor
from voicepipe.runtime.mcp_pins import check_offer, pinned
from voicepipe.runtime.mcp_tools import McpDoor
from voicepipe.runtime.tool_doors import Door, DoorHost
from voicepipe.runtime.tool_files import load_python_tools
from voicepipe.runtime.tool_modes import ToolMode
from voicepipe.speech.json_arguments import BySchema
from voicepipe.speech.tools import DEFAULT_TIMEOUT, ToolSpec, tool_spec, tools_by_name

_SAYS_MORE = frozenset(
    {"$ref", "allOf", "anyOf", "oneOf", "if", "not", "dependentSchemas", "patternProperties"}
    | {"additionalProperties", "unevaluatedProperties"}
)
"""Keys of a schema beside which "no other properties" could mean something else than was meant."""

Handler = Callable[..., Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolSet:
    """The tools of a pipeline, and how they are answered: ``mode`` None executes them.

    ``secrets`` are values that no error text may contain; the set may grow meanwhile. ``variables`` are the
    values of one call, for what is said while a tool runs.
    """

    specs: tuple[ToolSpec, ...] = ()
    builtins: tuple[Builtin, ...] = ()
    mode: ToolMode | None = None
    secrets: Collection[str] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    wall_clock: Callable[[], datetime] = system_time
    doors: tuple[Door, ...] = ()
    """What the tools of the outside world are reached through."""

    @classmethod
    def of(
        cls,
        configured: Sequence[Tool],
        functions: Sequence[Callable[..., Any]] = (),
        *,
        mode: ToolMode | None = None,
        secrets: Collection[str] = (),
        wall_clock: Callable[[], datetime] = system_time,
        places: Sequence[Place] = (),
        lock: Lock | None = None,
    ) -> ToolSet:
        """The tools that a pipeline file names, and ``functions``. Runs the code of the tools' files.

        ``places`` are where they stand, ``lock`` what was accepted of MCP servers. Raises ``ConfigError``
        for files and functions that can't be used, for names given twice and for MCP tools that nobody has
        accepted, and ``SetupError`` if the package that knows JSON schemas is missing.
        """
        found = _Found(lock or Lock())
        for index, entry in enumerate(configured):
            found.add(entry, places[index] if index < len(places) else None)
        specs = [*found.specs, *(tool_spec(function) for function in functions)]
        tools = cls(
            specs=tuple(specs),
            builtins=tuple(found.builtins),
            mode=mode,
            secrets=secrets,
            wall_clock=wall_clock,
            doors=tuple(found.doors),
        )
        tools.by_name(hang_up=lambda reason: None)
        return tools

    def by_name(self, *, hang_up: Callable[[str], None]) -> dict[str, ToolSpec]:
        """All tools, for a call that ``hang_up`` ends. Two of one name are a ``ConfigError``."""
        builtins = [builtin_tool(b, hang_up=hang_up, wall_clock=self.wall_clock) for b in self.builtins]
        return tools_by_name([*builtins, *self.specs])

    def answered(self, handlers: Mapping[str, Handler]) -> ToolSet:
        """With the program's answers to the tools that it said it would answer; see ``check_answers``."""
        return replace(self, specs=tuple(_answered(spec, handlers) for spec in self.specs))

    def check_clock(self, clock: Clock) -> None:
        """Raise ``UsageError`` for a tool that can't be executed on ``clock``."""
        for spec in self.specs:
            if clock.virtual and spec.clock == "real":
                raise UsageError(
                    f"the tool '{spec.name}' can't run on the {clock.name} clock",
                    hint="it talks to the outside world, which keeps real time; use the real clock, or stubs",
                )

    async def connect(self, host: DoorHost) -> None:
        """Open the doors, all or none. Raises ``SetupError`` and ``ConfigError``."""
        async with AsyncExitStack() as stack:
            for door in self.doors:
                stack.push_async_callback(door.close)
                await door.open(host)
            stack.pop_all()

    async def close(self) -> None:
        """Close the doors."""
        async with AsyncExitStack() as stack:
            for door in self.doors:
                stack.push_async_callback(door.close)


def tools_of(loaded: LoadedPipeline) -> ToolSet:
    """The tools of a pipeline file. Runs the code of the tools' files; raises as ``ToolSet.of`` does."""
    tools = loaded.agent.tools
    return ToolSet.of(
        tools,
        secrets=loaded.environment.secrets,
        places=loaded.tool_places,
        lock=read_lock(loaded.path) if any(isinstance(tool, McpTool) for tool in tools) else None,
    )


def check_answers(
    configured: Sequence[Tool], handlers: Mapping[str, Handler], *, live: bool, places: Sequence[Place] = ()
) -> None:
    """See that the program that holds the call answers the tools that it has to, before anything is loaded.

    Raises ``UsageError`` for a handler of another tool, and for one that isn't callable. If tools are
    executed (``live``), ``ConfigError`` for one of ``{schema: …}`` without a handler.
    """
    asked = {
        str(entry.name): index for index, entry in enumerate(configured) if isinstance(entry, SchemaTool)
    }
    for name, handler in handlers.items():
        if name not in asked:
            raise UsageError(
                f"there is no tool '{name}' that the program answers.{did_you_mean(name, asked)}",
                hint=f"declared with 'schema' in agent.tools: {', '.join(asked) or 'none'}",
            )
        if not callable(handler):
            raise UsageError(f"answers={{'{name}': …}}: expected a function, found {handler!r}")
    for name, index in asked.items():
        if live and name not in handlers:
            problem = f"the tool '{name}' is answered by the program that holds the call, and none does"
            hint = f"pipe.session(answers={{'{name}': function}}) in Python; in tests, tool_results"
            raise (
                places[index].error(problem, hint=hint)
                if index < len(places)
                else ConfigError(problem, hint=hint)
            )


def _answered(spec: ToolSpec, handlers: Mapping[str, Handler]) -> ToolSpec:
    if spec.fn is not None or spec.name not in handlers:
        return spec
    handler = handlers[spec.name]
    is_async = inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(
        getattr(handler, "__call__", None)  # noqa: B004 - asked is what it is, not whether it can be called
    )
    return replace(spec, fn=handler, is_async=is_async)


class _Found:
    """Gathers the tools of a file's entries."""

    def __init__(self, lock: Lock) -> None:
        self.specs: list[ToolSpec] = []
        self.builtins: dict[Builtin, None] = {}
        self.doors: list[Door] = []
        self._lock = lock
        self._servers: list[tuple[McpDoor, list[tuple[McpTool, Place | None]]]] = []

    def add(self, entry: Tool, place: Place | None) -> None:
        match entry:
            case BuiltinTool():
                self.builtins[entry.builtin] = None
            case PythonTool():
                reference = str(entry.file) if entry.function is None else f"{entry.file}:{entry.function}"
                specs = load_python_tools(reference, entry.file.parent)
                self.specs += [replace(spec, **_declared(entry)) for spec in specs]
            case HttpTool():
                door = HttpDoor(entry)
                self.doors.append(door)
                self.specs.append(_of_schema(entry, place, fn=door, clock="real"))
            case SchemaTool():
                self.specs.append(_of_schema(entry, place, fn=None))
            case McpTool():
                self.specs += self._of_server(entry, place)

    def _of_server(self, entry: McpTool, place: Place | None) -> Iterator[ToolSpec]:
        door = self._door(entry, place)
        for tool, pin in pinned(entry, self._lock, place):
            yield ToolSpec(
                name=entry.name_of(tool),
                description=pin.description,
                parameters=dict(pin.parameters),
                takes=_by_schema(pin.parameters, place, trusted=False),
                is_async=True,
                fn=door.caller(tool),
                clock="real",
                place=place,
                **{**_DEFAULTS, **_declared(entry)},
            )

    def _door(self, entry: McpTool, place: Place | None) -> McpDoor:
        """Entries that name the same server share one connection."""
        for door, entries in self._servers:
            if door.server == entry.mcp:
                entries.append((entry, place))
                return door
        entries = [(entry, place)]
        door = McpDoor(
            entry.mcp,
            folder=place.source.folder if place is not None else Path.cwd(),
            where=str(place or "agent.tools"),
            check=lambda offered: check_offer(offered, entries, self._lock),
        )
        self._servers.append((door, entries))
        self.doors.append(door)
        return door


_DEFAULTS: dict[str, Any] = {"side_effect": True, "timeout_s": parse_duration(DEFAULT_TIMEOUT) / SECOND}


def _declared(entry: PythonTool | HttpTool | McpTool | SchemaTool) -> dict[str, Any]:
    """What an entry of the file says of its tools, as fields of a ``ToolSpec``."""
    said = {
        "timeout_s": None if entry.timeout is None else entry.timeout / SECOND,
        "side_effect": entry.side_effect,
        "may_cancel": entry.cancellable,
        "say_while_running": entry.say_while_running,
    }
    return {key: value for key, value in said.items() if value is not None}


def _of_schema(entry: HttpTool | SchemaTool, place: Place | None, **fields: Any) -> ToolSpec:
    assert entry.name is not None, "the model has checked it"
    assert entry.description is not None, "the model has checked it"
    parameters = {"type": "object", "properties": {}, **entry.schema_}
    parameters.pop("description", None)  # the tool's own, if it hasn't another
    if not _SAYS_MORE & parameters.keys():
        parameters["additionalProperties"] = False  # as with a function: nothing goes along that nobody named
    return ToolSpec(
        name=entry.name,
        description=entry.description,
        parameters=parameters,
        takes=_by_schema(parameters, place),
        is_async=True,
        place=place,
        **{**_DEFAULTS, **_declared(entry)},
        **fields,
    )


def _by_schema(parameters: Mapping[str, Any], place: Place | None, *, trusted: bool = True) -> BySchema:
    try:
        return BySchema(parameters, trusted=trusted)
    except ValueError as error:
        problem = f"this is no JSON schema: {error}"
        raise (place.error(problem) if place else ConfigError(problem)) from None
