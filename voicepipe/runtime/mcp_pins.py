"""What MCP servers say of their tools against what a person has accepted: see ``config.tool_lock``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from voicepipe.config.tool_lock import Lock, Pin
from voicepipe.config.tool_models import LONGEST_DESCRIPTION, McpTool
from voicepipe.core.names import did_you_mean
from voicepipe.core.nodes import Place
from voicepipe.errors import ConfigError
from voicepipe.speech.json_arguments import BySchema

LARGEST = 32_768
"""Bytes of what is said of one tool: some 8,000 tokens, paid with each turn."""

Entries = Sequence[tuple[McpTool, Place | None]]
"""Those that name one server."""


def pinned(entry: McpTool, lock: Lock, place: Place | None) -> Iterator[tuple[str, Pin]]:
    """The tools that ``entry`` allows, each with what was accepted of it. Raises ``ConfigError``."""
    accept = f"read what the server says of it, and accept that: {lock.command}"
    for tool in entry.allow:
        pin = lock.pins.get(entry.name_of(tool))
        if pin is None:
            raise _error(place, f"nobody has accepted the MCP tool '{tool}' yet", accept)
        if pin.tool != tool:
            raise _error(
                place, f"what was accepted as '{entry.name_of(tool)}' is the tool '{pin.tool}'", accept
            )
        yield tool, pin


def check_offer(offered: Mapping[str, Pin], entries: Entries, lock: Lock) -> None:
    """Raise ``ConfigError`` unless the server offers each allowed tool exactly as it was accepted."""
    for entry, place in entries:
        for tool, pin in pinned(entry, lock, place):
            now = offered_pin(offered, tool, place)
            if now.digest != pin.digest:
                what = "\n".join(f"    {line[:200]}" for line in list(pin.changes(now))[2:22])
                raise _error(
                    place,
                    f"the server says something else of '{tool}' than what was accepted "
                    f"({pin.digest[:12]} → {now.digest[:12]}):\n{what}",
                    f"read what has changed, and accept that: {lock.command}",
                )


def offered_pin(offered: Mapping[str, Pin], tool: str, place: Place | None) -> Pin:
    """What the server says of ``tool``. Raises ``ConfigError`` if it has none, or says too much."""
    pin = offered.get(tool)
    if pin is None:
        names = ", ".join(sorted(offered)[:20]) or "none"
        raise _error(
            place, f"the server has no tool '{tool}'.{did_you_mean(tool, offered)}", f"it has: {names}"
        )
    if len(pin.description) > LONGEST_DESCRIPTION:
        found = f"the server's description of '{tool}' has {len(pin.description)} characters"
        raise _error(place, f"{found}, expected at most {LONGEST_DESCRIPTION}", None)
    if pin.size > LARGEST:
        found = f"what the server says of '{tool}' has {pin.size} bytes"
        raise _error(place, f"{found}, expected at most {LARGEST}", None)
    try:
        BySchema(pin.parameters, trusted=False)
    except ValueError as error:
        problem = f"what the server says that '{tool}' takes is no JSON schema: {error}"
        raise _error(place, problem, None) from None
    return pin


def _error(place: Place | None, problem: str, hint: str | None) -> ConfigError:
    return place.error(problem, hint=hint) if place else ConfigError(problem, hint=hint)
