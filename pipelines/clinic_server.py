"""The tools of clinic.yaml, as a server of the Model Context Protocol. It is started by the pipeline."""

from __future__ import annotations

from typing import Literal

from mcp.server.mcpserver import MCPServer

server = MCPServer("clinic", log_level="WARNING")
free = {"thursday": "Thursday at 10:30", "friday": "Friday at 9"}


@server.tool()
def free_slots() -> dict[str, str]:
    """Say which appointments are free."""
    return {"slots": " or ".join(free.values()) or "nothing this week"}


@server.tool()
def book(day: Literal["thursday", "friday"]) -> str:
    """Book the free appointment of a day."""
    slot = free.pop(day, None)
    return f"You are expected on {slot}." if slot else "That one is taken. Which other one do you want?"


if __name__ == "__main__":
    server.run("stdio")
