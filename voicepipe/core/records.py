"""What a call leaves behind. Records are not frames: they go straight to the log and are never dropped.

They are written by four wrappers only (the turn's policy, the turn scope, the guarded provider call and
the tool runner), so that work that was cancelled is accounted for as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

UsageUnit = Literal[
    "audio_in_ms", "audio_out_ms", "characters", "tokens_in", "tokens_in_cached", "tokens_out", "requests"
]
TurnStatus = Literal["completed", "interrupted", "failed", "discarded"]
AttemptStatus = Literal["ok", "cancelled", "failed"]

_record = dataclass(frozen=True, slots=True, kw_only=True)


@_record
class Usage:
    """What a provider call consumed, in the unit that its vendor bills.

    ``estimated``: the vendor never reported it (the call was cut off), so it was computed from what
    was sent and received. ``tokens_in_cached`` is a part of ``tokens_in``.
    """

    at_ns: int
    turn: int | None
    slot: str
    provider: str
    model: str | None
    unit: UsageUnit
    amount: int
    estimated: bool = False


@_record
class ProviderAttempt:
    """One call of a provider, from its first instruction to its end."""

    at_ns: int
    turn: int | None
    slot: str
    provider: str
    began_ns: int
    first_event_ns: int | None
    status: AttemptStatus
    error: str | None = None


@_record
class ToolStarted:
    at_ns: int
    turn: int
    call_id: str
    name: str
    arguments: dict[str, Any] | str
    """A string if the model's arguments were not a JSON object."""


@_record
class ToolFinished:
    """Exactly one for each ``ToolStarted``."""

    at_ns: int
    turn: int
    call_id: str
    name: str
    result: str
    """What the model sees: JSON or text."""
    error: bool


@_record
class TurnBegan:
    """The policy decided that the caller's turn was over.

    ``end_of_speech_ns`` is the estimated end of the last speech; None for a typed turn and a greeting.
    """

    at_ns: int
    turn: int
    user: str
    end_of_speech_ns: int | None


@_record
class TurnEnded:
    """``said`` is what the model wrote, ``heard`` what really left the loudspeaker."""

    at_ns: int
    turn: int
    status: TurnStatus
    said: str
    heard: str
    error: str | None = None


Record = Usage | ProviderAttempt | ToolStarted | ToolFinished | TurnBegan | TurnEnded
