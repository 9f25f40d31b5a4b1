"""Check pipeline files, each under every profile that it has, and report all problems at once.

No code of the files is run, no model is loaded and no key is needed. What is allowed, but hardly meant, is
a warning; warnings leave the exit status at 0.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from voicepipe.cli.options import add_overrides, add_quiet, code_mode
from voicepipe.cli.terminal import Terminal
from voicepipe.config.layers import Overrides
from voicepipe.config.lint import lint
from voicepipe.config.load import LoadedPipeline, load_profiles
from voicepipe.config.price_keys import prices_of_nobody
from voicepipe.config.slots import Code
from voicepipe.config.tool_lock import Lock, read_lock
from voicepipe.config.tool_models import McpTool, PythonTool
from voicepipe.errors import ConfigError, ConfigErrors, GraphError, SetupError, VoicepipeError
from voicepipe.runtime.graph import graph_of
from voicepipe.runtime.mcp_pins import pinned


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", metavar="FILE", help="a pipeline file")
    add_overrides(parser, code="ignore")
    add_quiet(parser)
    parser.add_argument("--json", action="store_true", help="print what was found as one JSON object")


def run(options: argparse.Namespace) -> int:
    terminal = Terminal(quiet=options.quiet)
    checked = [check(file, options.overrides, code_mode(options)) for file in options.files]
    if options.json:
        print(json.dumps({"files": [one.as_json() for one in checked]}, ensure_ascii=False))
    else:
        for one in checked:
            one.tell(terminal)
    return max(one.exit_status for one in checked)


@dataclass(slots=True)
class Checked:
    """What was found in one file. ``profiles`` are known only if it can be loaded."""

    file: str
    profiles: tuple[str, ...] = ()
    stages: int = 0
    problems: list[VoicepipeError] = field(default_factory=list)
    warnings: list[ConfigError] = field(default_factory=list)

    @property
    def exit_status(self) -> int:
        return max((problem.exit_status for problem in self.problems), default=0)

    def tell(self, terminal: Terminal) -> None:
        for problem in self.problems:
            terminal.error(_with_place(self.file, problem))
        for warning in self.warnings:
            place, text = _place(self.file, warning), str(_without_place(warning))
            terminal.line(f"{place}: {terminal.style('warning:', 'yellow')} {text}")
        if self.problems:
            terminal.line(f"{self.file}: {_count(self.problems, 'problem')}")
        else:
            names = ", ".join(self.profiles)
            under = f", also under the profile{'s'[: len(self.profiles) - 1]} {names}" if names else ""
            but = f", {_count(self.warnings, 'warning')}" if self.warnings else ""
            fine = terminal.style("fine", "green")
            terminal.line(f"{self.file}: {fine}, {_count(range(self.stages), 'stage')}{under}{but}")

    def as_json(self) -> dict[str, Any]:
        return {
            "file": self.file,
            "ok": not self.problems,
            "profiles": list(self.profiles),
            "problems": [_as_json(self.file, problem) for problem in self.problems],
            "warnings": [_as_json(self.file, warning) for warning in self.warnings],
        }


def check(file: str, overrides: Overrides = (), code: Code = "ignore") -> Checked:
    """All that can be said about ``file`` without running it."""
    checked = Checked(file)
    try:
        loaded = load_profiles(file, overrides=overrides, code=code)
    except ConfigErrors as errors:
        checked.problems += errors.errors
        return checked
    except SetupError as error:
        checked.problems.append(error)
        return checked
    checked.profiles = loaded[0].profiles
    checked.stages = len(loaded[0].slots)
    checked.problems += _graph_problems(loaded)
    checked.problems += _once(error for one in loaded for error in absent_files(one))
    checked.problems += _once(error for one in loaded for error in not_accepted(one))
    checked.warnings += _once(advice for one in loaded for advice in lint(one))
    checked.warnings += prices_of_nobody(loaded)
    return checked


def _graph_problems(loaded: Sequence[LoadedPipeline]) -> Iterable[ConfigError]:
    """Stages that don't fit together, without a profile or under one; the same problem once."""
    known: set[str] = set()
    for one in loaded:
        try:
            graph_of(one)
        except GraphError as error:
            if error.message not in known:
                known.add(error.message)
                under = f"under the profile '{one.profile}' " if one.profile else ""
                yield one.tree.map["stages"].place.error(f"{under}{error.message}", hint=error.hint)


def absent_files(loaded: LoadedPipeline) -> Iterable[ConfigError]:
    """The files of tools and providers that aren't there. A model needn't be: it may have to be fetched."""
    for index, tool in enumerate(loaded.agent.tools):
        if isinstance(tool, PythonTool) and not tool.file.is_file():
            tools = loaded.tree.map["agent"].map["tools"].value
            assert isinstance(tools, list), "it was read as one"
            yield tools[index].place.error(f"there is no file '{tool.file}'")
    nodes = dict(loaded.tree.walk())
    for filling in (one for slot in loaded.slots for one in slot.fillings):
        keys = type(filling.config).model_fields if filling.config else ()
        for key in keys:
            value = getattr(filling.config, key)
            if isinstance(value, Path) and key != "model" and not value.exists():
                node = nodes.get((*filling.path, key))
                place = node.place if node else filling.place
                yield place.error(f"there is no file '{value}'")


def not_accepted(loaded: LoadedPipeline) -> Iterable[ConfigError]:
    """The MCP tools that the lock file doesn't have, and what is wrong with that file."""
    tools = zip(loaded.agent.tools, loaded.tool_places, strict=True)
    entries = [(tool, place) for tool, place in tools if isinstance(tool, McpTool)]
    try:
        lock = read_lock(loaded.path) if entries else Lock()
    except ConfigError as error:
        yield error
        return
    for entry, place in entries:
        try:
            list(pinned(entry, lock, place))
        except ConfigError as error:
            yield error


def _once(errors: Iterable[ConfigError]) -> list[ConfigError]:
    """What several profiles share is told once."""
    return list({(one.path, one.line, one.column, one.message): one for one in errors}.values())


def _place(file: str, error: VoicepipeError) -> str:
    if not isinstance(error, ConfigError):
        return file
    parts = (error.path or file, error.line, error.column)
    return ":".join(str(part) for part in parts if part is not None)


def _without_place(error: VoicepipeError) -> VoicepipeError:
    return VoicepipeError(error.message, hint=error.hint)


def _with_place(file: str, error: VoicepipeError) -> str:
    return f"{_place(file, error)}: {_without_place(error)}"


def _as_json(file: str, error: VoicepipeError) -> dict[str, Any]:
    known = error if isinstance(error, ConfigError) else ConfigError(error.message)
    return {
        "file": known.path or file,
        "line": known.line,
        "column": known.column,
        "message": error.message,
        "hint": error.hint,
    }


def _count(things: Any, what: str) -> str:
    number = len(things)
    return f"{number} {what}" + ("" if number == 1 else "s")
