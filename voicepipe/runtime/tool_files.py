"""Tools from a file of the user's: ``./tools.py``, or one function of it, ``./tools.py:find_slot``.

This runs the user's code, so it is called only by what holds or tests a conversation.
"""

from __future__ import annotations

import ast
import hashlib
import os
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

from voicepipe.core.names import did_you_mean
from voicepipe.errors import ConfigError, VoicepipeError
from voicepipe.speech.tools import ToolSpec, find_spec, tool_spec, tools_by_name

FILE_LIMIT = 1_000_000
"""Bytes; a larger file isn't one that somebody wrote."""

_REFERENCE = re.compile(r"(?P<path>[^\0]+\.py)(?::(?P<function>[^\W\d]\w*))?")


def load_python_tools(reference: str, folder: Path) -> list[ToolSpec]:
    """The tools of ``PATH.py`` in the file's order, or the one of ``PATH.py:FUNCTION``.

    A relative path starts at ``folder``. A function that is named needn't be marked with ``@tool``. Raises
    ``ConfigError`` with the place in the user's file.
    """
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        raise ConfigError(
            f"'{reference}' names no tools: expected './tools.py' or './tools.py:function'",
            hint="The file's name ends with .py, and the function's name follows a colon.",
        )
    path = Path(os.path.abspath(folder / match["path"]))
    tree = _parsed(path)
    names = _executed(path, tree)
    marked = {name: spec for name, thing in names.items() if (spec := find_spec(thing))}
    _check_defined_once(path, tree, marked)
    if match["function"]:
        return [_named(path, match["function"], names)]
    if not marked:
        raise ConfigError(
            "no function in it is marked with @tool", path=str(path), hint="Put '@tool' above them."
        )
    return list(tools_by_name(marked.values()).values())


def _parsed(path: Path) -> ast.Module:
    try:
        with path.open("rb") as file:
            source = file.read(FILE_LIMIT + 1)
    except OSError as error:
        raise ConfigError(
            f"can't read the tools: {error.strerror or error}",
            path=str(path),
            hint="The path is relative to the file that names it.",
        ) from None
    if len(source) > FILE_LIMIT:
        raise ConfigError(f"larger than {FILE_LIMIT} bytes, which no file of tools is", path=str(path))
    try:
        return ast.parse(source, str(path))
    except SyntaxError as error:
        raise ConfigError(
            f"not valid Python: {error.msg}", path=str(path), line=error.lineno, column=error.offset
        ) from None
    except (ValueError, RecursionError, MemoryError) as error:  # null bytes, endless nesting
        raise ConfigError(f"not valid Python: {error}", path=str(path)) from None


def _executed(path: Path, tree: ast.Module) -> dict[str, Any]:
    # Dataclasses and pydantic look their module up by name, so it has to be registered; the path makes the
    # name its own, or else two files called tools.py would be one.
    module = ModuleType(f"_voicepipe_tools_{hashlib.sha256(str(path).encode()).hexdigest()[:16]}")
    module.__file__ = str(path)
    previous = sys.modules.get(module.__name__)
    sys.modules[module.__name__] = module
    try:
        exec(compile(tree, str(path), "exec"), module.__dict__)  # noqa: S102 - the user's own code is what was asked for
    except (Exception, SystemExit) as error:
        if previous is None:
            del sys.modules[module.__name__]
        else:
            sys.modules[module.__name__] = previous
        _fail_at_import(path, error)
    return dict(module.__dict__)


def _fail_at_import(path: Path, error: BaseException) -> NoReturn:
    if isinstance(error, ConfigError) and error.path:
        raise error from None
    line, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    hint = error.hint if isinstance(error, VoicepipeError) else None
    if isinstance(error, ModuleNotFoundError):
        hint = "Install it where voicepipe is installed; for a module beside the file, set PYTHONPATH."
    message = error.message if isinstance(error, VoicepipeError) else f"{type(error).__name__}: {error}"
    raise ConfigError(
        f"failed when it was loaded: {message[:500]}", path=str(path), line=line, hint=hint
    ) from error


def _check_defined_once(path: Path, tree: ast.Module, marked: dict[str, ToolSpec]) -> None:
    """A second ``def`` of a name silently replaces the first, and one tool would be missing."""
    seen: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name in marked:
            if node.name in seen:
                raise ConfigError(
                    f"the tool '{node.name}' is defined a second time",
                    path=str(path),
                    line=node.lineno,
                    hint="Give one of them another name.",
                )
            seen.add(node.name)


def _named(path: Path, function: str, names: dict[str, Any]) -> ToolSpec:
    if function not in names:
        functions = [name for name, thing in names.items() if callable(thing) and not name.startswith("__")]
        raise ConfigError(
            f"there is no function '{function}' in it.{did_you_mean(function, functions)}", path=str(path)
        )
    try:
        return tool_spec(names[function])
    except ConfigError:
        raise
    except VoicepipeError as error:
        raise ConfigError(f"'{function}' can't be a tool: {error.message}", path=str(path)) from None
