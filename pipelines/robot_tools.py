"""A robot that isn't there: it keeps account of where it would be."""

from __future__ import annotations

from typing import Literal

from voicepipe import tool

_moves: list[str] = []


@tool
def move(
    direction: Literal["forward", "backward", "left", "right"],
    distance: int,
    unit: Literal["meters", "centimeters", "feet"],
) -> dict[str, str | int]:
    """Move the robot.

    Args:
        direction: where to
        distance: how far
        unit: what the distance is counted in
    """
    _moves.append(f"{direction} {distance} {unit}")
    return {"moved": _moves[-1], "moves": len(_moves)}


@tool
def stop() -> str:
    """Stop the robot at once."""
    return "stopped"
