"""The tools that need no code of the user's: ``end_call`` and ``current_time``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from zoneinfo import ZoneInfo

from voicepipe.config.tool_models import Builtin
from voicepipe.errors import ToolError
from voicepipe.speech.tools import ToolSpec, tool_spec


def system_time() -> datetime:
    """The computer's time of day."""
    return datetime.now(UTC)


def builtin_tool(
    name: Builtin, *, hang_up: Callable[[str], None], wall_clock: Callable[[], datetime]
) -> ToolSpec:
    """The tool ``name`` for one call. ``hang_up(reason)`` ends that call after the reply."""
    # Signatures are read once per process: a session must not cost a pydantic model.
    return replace(_declaration(name), fn=getattr(_Functions(hang_up, wall_clock), name))


@cache
def _declaration(name: Builtin) -> ToolSpec:
    declared = tool_spec(getattr(_Functions(lambda reason: None, system_time), name))
    return replace(declared, side_effect=name == "end_call")


class _Functions:
    def __init__(self, hang_up: Callable[[str], None], wall_clock: Callable[[], datetime]) -> None:
        self._hang_up = hang_up
        self._wall_clock = wall_clock

    async def end_call(self) -> str:
        """End the call, once the caller has said goodbye or needs nothing more."""
        self._hang_up("the agent has ended the call")
        return "The call ends after your next words. Say goodbye."

    def current_time(self, time_zone: str | None = None) -> dict[str, str]:
        """Tell the current date and time of day.

        Args:
            time_zone: an IANA name such as Europe/Paris; left out, it is where the agent is
        """
        now = self._wall_clock().astimezone(None if time_zone is None else _zone(time_zone))
        return {
            "date": now.date().isoformat(),
            "weekday": now.strftime("%A"),
            "time": now.strftime("%H:%M"),
            "time_zone": time_zone or now.tzname() or "local",
        }


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError) as error:  # not a name, a folder, or nothing of that name
        raise ToolError(
            f"there is no time zone {name[:80]!r}, expected an IANA name such as Europe/Paris"
        ) from error
