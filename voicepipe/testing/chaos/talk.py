"""What is said in the calls: the same in all of them, so that only the fault makes a difference."""

from __future__ import annotations

import json
from collections.abc import Sequence

CALLER = "What time is it?"
"""Of the clip that the caller says each time."""

TOOL = "look_it_up"
ARGUMENTS = {"subject": "the time"}
RESULT = {"answer": "half past twelve", "source": "the clock on the wall " * 20}
"""So long that it doesn't come in time if it drips."""

FIRST: Sequence[str] = ("It is", " half", " past", " twelve.")
"""The model's words before anything is struck."""

ANSWER: Sequence[str] = (
    "It is",
    " still",
    " half",
    " past",
    " twelve,",
    " and",
    " the",
    " sun",
    " is",
    " shining.",
)
"""The model's words afterwards, in the pieces in which they come: enough to break off in the middle."""

SORRY: Sequence[str] = ("Sorry,", " I", " could", " not", " look", " that", " up.")
"""The model's words when the tool has failed, or gave what it didn't give before."""


def wants_tool(turn: int, *, tools_struck: bool) -> bool:
    """Whether the model looks it up in the ``turn``-th turn, from 1: in the first one, all is well."""
    return turn == 1 or tools_struck


def words(turn: int, tool_result: str | None) -> Sequence[str]:
    """What the model says in a turn, given what the tool answered; None if it wasn't asked."""
    if tool_result not in (None, json.dumps(RESULT, separators=(",", ":"))):
        return SORRY
    return FIRST if turn == 1 else ANSWER
