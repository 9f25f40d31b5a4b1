"""What a call's figures depend on, as one short text: equal ones may be reused, others not."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from pydantic import BaseModel

from voicepipe.compare.environment import machine, versions
from voicepipe.compare.plan import Plan, Run, Scripted, Variant
from voicepipe.core.nodes import Node, plain

FORMAT = 1
"""Grows when calls are held or measured differently, so that nothing older is reused."""

T = TypeVar("T")

MAX_PATH = 1000
"""Characters of a text that may be a path."""

MAX_FILE = 64 << 20
"""Bytes of a file that a pipeline names; larger ones (models) count by their size and time."""

WRITTEN = {("cost", "ledger"), ("cost", "budget", "store")}
"""Paths of files that calls write and don't read: each call changes them."""


class Fingerprints:
    """Of the runs of one plan; what is the same for many of them is looked at once."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._parts: dict[int, str] = {}
        self._files: dict[Path, str | None] = {}

    def of(self, run: Run) -> str:
        """64 hexadecimal digits. It depends on the variant as it was resolved, values of the environment
        included, on the files that it names, on the call with its audio, on how it is held, on the versions
        and on the machine; on nothing else, the time in particular."""
        return _digest(
            {
                "format": FORMAT,
                "variant": self._part(run.variant, self._variant),
                "call": self._part(run.call, _call),
                "repetition": run.repetition,
                "tools": self.plan.tools,
                "history": self.plan.history,
            }
        )

    def _part(self, value: T, describe: Callable[[T], Any]) -> str:
        if id(value) not in self._parts:  # the plan holds it, so that nothing else gets its place
            self._parts[id(value)] = _digest(describe(value))
        return self._parts[id(value)]

    def _variant(self, variant: Variant) -> dict[str, Any]:
        loaded = variant.loaded
        return {
            "name": variant.name,
            "clock": variant.clock,
            "server": variant.server,
            "tree": plain(loaded.tree),
            "files": dict(self._named_files(loaded.tree)),
            "versions": versions([loaded]),
            "machine": machine(),
        }

    def _named_files(self, tree: Node) -> Iterator[tuple[str, str]]:
        """Each path in the tree that leads to a file, and what is in it: prompts, tools, rules, voices."""
        for path, node in tree.walk():
            if tuple(path) in WRITTEN or not isinstance(node.value, str) or len(node.value) > MAX_PATH:
                continue
            for name in {node.value, node.value.partition(":")[0]} - {""}:
                file = node.place.source.folder / name
                if file not in self._files:
                    self._files[file] = _content(file)
                content = self._files[file]
                if content is not None:
                    yield name, content


def _content(path: Path) -> str | None:
    try:
        if not path.is_file():
            return None
        status = path.stat()
        if status.st_size > MAX_FILE:
            return f"{status.st_size} bytes of {status.st_mtime_ns}"
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except (OSError, ValueError):  # a text that is no path, or a file that may not be read
        return None


def _call(call: Scripted) -> dict[str, Any]:
    return {
        "name": call.name,
        "script": [_plain(item) for item in call.script],
        "reference": call.reference,
        "test": None if call.test is None else plain(call.test.node),
        "vars": dict(call.vars),
        "tool_results": call.tool_results,
        "remembered": call.remembered,
    }


def _plain(value: Any) -> Any:
    """What the caller does; audio as the digest of its samples."""
    if isinstance(value, np.ndarray):
        return hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()
    if is_dataclass(value) and not isinstance(value, type):
        named = {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
        return {"type": type(value).__name__, **named}
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, Mapping):
        return {str(key): _plain(child) for key, child in value.items()}
    return value


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
