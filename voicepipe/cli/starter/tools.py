"""What the agent can do: each function that is marked @tool is offered to the model.

The name, the types and the docstring are what the model sees, so write them for it. An exception becomes an
error that the model is told; it never ends the call.
"""

from __future__ import annotations

from typing import Literal

from voicepipe import tool

Day = Literal["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]

HOURS = {"Saturday": "open from 9 to 2", "Sunday": "closed"}


@tool(side_effect=False)  # it changes nothing, so it may be called early, or in vain
def opening_hours(day: Day) -> dict[str, str]:
    """Look up when the café is open.

    Args:
        day: The day of the week that the caller asks for.
    """
    return {"day": day, "hours": HOURS.get(day, "open from 8 to 6")}
