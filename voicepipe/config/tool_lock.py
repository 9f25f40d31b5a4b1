"""What the servers of a pipeline's MCP tools said of them when a person accepted it: ``clinic.lock.json``.

A server's description of a tool is text that the model obeys, and the server may change it any day. So the
model is only ever shown what stands in this file, beside the pipeline's, and a server that says something
else is an error until the file is written anew (``voicepipe pin clinic.yaml``). It also tells tests, which
contact no server, what the tools take.
"""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from difflib import unified_diff
from pathlib import Path
from typing import Any

from voicepipe.errors import ConfigError

MOST_BYTES = 1 << 20
"""A description of a tool has a few hundred bytes; nobody reads a mebibyte of them."""

ABOUT = (
    "What the MCP servers of this pipeline say of their tools, as 'voicepipe pin' found it. The model is "
    "told exactly this, so read it as you would read code, and keep it under version control."
)


@dataclass(frozen=True, slots=True)
class Pin:
    """What one server says of one tool. ``tool`` is what the server calls it."""

    tool: str
    description: str
    parameters: Mapping[str, Any]

    @property
    def digest(self) -> str:
        """SHA-256 over all of it, as canonical JSON."""
        return hashlib.sha256(self._json().encode()).hexdigest()

    @property
    def size(self) -> int:
        """Bytes of all of it."""
        return len(self._json())

    def _json(self) -> str:
        said = {"tool": self.tool, "description": self.description, "parameters": self.parameters}
        return json.dumps(said, sort_keys=True, ensure_ascii=True)

    def changes(self, new: Pin) -> Iterator[str]:
        """Line by line what ``new`` says otherwise."""
        lines = (self.lines(), new.lines())
        yield from unified_diff(*lines, "accepted", "now", lineterm="", n=1)

    def lines(self) -> list[str]:
        """All of it, for a person to read."""
        parameters = json.dumps(self.parameters, sort_keys=True, ensure_ascii=False, indent=2)
        return [f"tool: {self.tool}", *self.description.splitlines(), *parameters.splitlines()]


@dataclass(frozen=True, slots=True)
class Lock:
    """The pins of one pipeline by what the model calls the tools. ``pipeline`` is its file, for messages."""

    pipeline: str = "PIPELINE"
    pins: Mapping[str, Pin] = field(default_factory=dict)

    @property
    def command(self) -> str:
        """What writes it anew."""
        return f"voicepipe pin {shlex.quote(self.pipeline)}"


def lock_file(pipeline: Path) -> Path:
    """``clinic.yaml`` → ``clinic.lock.json``, beside it."""
    return pipeline.with_suffix(".lock.json")


def read_lock(pipeline: Path) -> Lock:
    """What was accepted for the pipeline file ``pipeline``; nothing if it has no lock file.

    Raises ``ConfigError`` for a file that isn't one, and for a pin that was changed by hand: its hash tells.
    """
    path, lock = lock_file(pipeline), Lock(str(pipeline))
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        return lock
    except OSError as error:
        raise ConfigError(f"can't read the file: {error.strerror or error}", path=str(path)) from None
    if len(data) > MOST_BYTES:
        raise ConfigError(f"the file is larger than {MOST_BYTES // 1024} KiB", path=str(path))
    try:
        entries = json.loads(data)["mcp"]
        return replace(lock, pins={name: _pin(name, entry, path, lock) for name, entry in entries.items()})
    except json.JSONDecodeError as error:
        raise ConfigError(
            f"not JSON: {error.msg}", path=str(path), line=error.lineno, column=error.colno, hint=_anew(lock)
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ConfigError("expected what 'voicepipe pin' writes", path=str(path), hint=_anew(lock)) from None


def _anew(lock: Lock) -> str:
    return f"delete it, and have it written anew: {lock.command}"


def _pin(name: str, entry: Any, path: Path, lock: Lock) -> Pin:
    pin = Pin(entry["tool"], entry["description"], entry["parameters"])
    if not (
        isinstance(pin.tool, str) and isinstance(pin.description, str) and isinstance(pin.parameters, dict)
    ):
        raise TypeError(name)
    if entry["sha256"] != pin.digest:
        raise ConfigError(
            f"what stands here of '{name}' isn't what was accepted: its hash is another",
            path=str(path),
            hint=f"take it from version control, or delete it and accept what is said now: {lock.command}",
        )
    return pin


def lock_text(pins: Mapping[str, Pin]) -> str:
    """The file that holds ``pins``."""
    entries = {
        name: {
            "tool": pin.tool,
            "description": pin.description,
            "parameters": pin.parameters,
            "sha256": pin.digest,
        }
        for name, pin in sorted(pins.items())
    }
    return json.dumps({"about": ABOUT, "mcp": entries}, indent=2, ensure_ascii=False) + "\n"
