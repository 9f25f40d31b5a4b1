"""What the household assistant can do. Everything lives in this process, and the data is made up."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from voicepipe import ToolError, tool

_WEATHER = {
    "paris": ("sunny", 21),
    "london": ("rainy", 14),
    "berlin": ("cloudy", 16),
    "madrid": ("sunny", 27),
    "rome": ("sunny", 25),
    "new york": ("windy", 18),
    "boston": ("foggy", 12),
    "chicago": ("windy", 11),
    "tokyo": ("cloudy", 19),
    "sydney": ("sunny", 23),
}
_STATUSES = (
    "was delivered on Monday",
    "has left the warehouse and should arrive on Friday",
    "is packed and leaves the warehouse tomorrow",
)
_timers: list[str] = []
_lights: dict[str, str] = {}


@tool(side_effect=False)
def get_time() -> dict[str, str]:
    """Tell the time of day."""
    return {"time": datetime.now().astimezone().strftime("%I:%M %p").lstrip("0")}


@tool(side_effect=False)
def get_weather(city: str) -> dict[str, str | int]:
    """Tell today's weather in a city. The data is a sample, not a forecast.

    Args:
        city: the name of the city
    """
    if city.lower() not in _WEATHER:
        raise ToolError(f"There is no sample data for {city}.")
    conditions, celsius = _WEATHER[city.lower()]
    return {"city": city, "conditions": conditions, "celsius": celsius}


@tool
def set_timer(minutes: int | None = None, hours: int | None = None) -> dict[str, str]:
    """Start a timer.

    Args:
        minutes: how many minutes
        hours: how many hours
    """
    parts = [_count(hours, "hour"), _count(minutes, "minute")]
    length = " and ".join(part for part in parts if part)
    if not length:
        raise ToolError("A timer needs minutes or hours.")
    _timers.append(length)
    return {"length": length}


@tool(side_effect=False)
def list_timers() -> dict[str, str]:
    """Tell which timers are running."""
    return {"timers": ", ".join(_timers) or "none"}


@tool
def cancel_timers() -> dict[str, str]:
    """Cancel all timers."""
    if not _timers:
        raise ToolError("No timer is running.")
    cancelled = f"the timer of {_timers[0]}" if len(_timers) == 1 else f"{len(_timers)} timers"
    _timers.clear()
    return {"cancelled": cancelled}


@tool
def set_lights(room: str, state: Literal["on", "off"]) -> dict[str, str]:
    """Turn the lights of a room on or off.

    Args:
        room: which room, such as kitchen
        state: what they are to be
    """
    _lights[room] = state
    return {"room": room, "state": state}


@tool(side_effect=False)
def get_order_status(number: str) -> dict[str, str]:
    """Tell the status of an order. The orders are made up.

    Args:
        number: the order's number, all its digits
    """
    if not number.isdecimal():
        raise ToolError(f"An order's number has only digits, not {number}.")
    return {"number": number, "status": _STATUSES[sum(map(int, number)) % len(_STATUSES)]}


def _count(number: int | None, unit: str) -> str:
    return f"{number} {unit}{'' if number == 1 else 's'}" if number else ""
