"""What a call leaves behind. Records are not frames: they go straight to the log and are never dropped.

They are written by four wrappers only (the turn's policy, the turn scope, the guarded provider call and
the tool runner), so that work that was cancelled is accounted for as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeVar, dataclass_transform

UsageUnit = Literal[
    "audio_in_ms",
    "audio_out_ms",
    "characters",
    "tokens_in",
    "tokens_in_cached",
    "tokens_in_written",
    "tokens_out",
    "audio_tokens_in",
    "audio_tokens_in_cached",
    "audio_tokens_out",
    "requests",
    "call_ms",
]
TurnStatus = Literal["completed", "interrupted", "failed", "discarded"]
AttemptStatus = Literal["ok", "cancelled", "failed"]

T = TypeVar("T")


@dataclass_transform(frozen_default=True, kw_only_default=True)
def _record(cls: type[T]) -> type[T]:
    return dataclass(frozen=True, slots=True, kw_only=True)(cls)


@_record
class Usage:
    """What a request to a provider consumed of one unit that its vendor bills: a part of a
    ``ProviderAttempt``.

    ``estimated``: the vendor never reported it (the call was cut off), so it was computed from what
    was sent and received. ``tokens_…`` are text, ``audio_tokens_…`` audio, and no token is both;
    ``…_in_cached`` is a part of ``…_in``, and so is ``tokens_in_written``, what the vendor put into its
    cache, for which some charge more. ``call_ms``: the time of a telephone call, which a carrier bills.
    """

    unit: UsageUnit
    amount: int
    estimated: bool = False


@_record
class NotSent:
    """A billed input wasn't given ``ms`` of the caller's silence, for which its vendor would have billed
    ``amount`` of ``unit``."""

    at_ns: int
    slot: str
    provider: str
    model: str | None
    ms: int
    unit: UsageUnit
    amount: int


@_record
class ProviderAttempt:
    """One call of a provider, from its first instruction to its end.

    ``number`` counts the attempts at the same thing from 1. ``probe``: nobody waited for it; it was to find
    out whether a provider that had failed answers again. ``busy_ns``: how long the provider alone was
    waited for, which is less than the attempt took where it waits for its input. ``usage``: all that it
    consumed of ``model`` (``None`` if the provider has but one), also if it was cancelled or failed.
    """

    at_ns: int
    turn: int | None
    slot: str
    provider: str
    began_ns: int
    first_event_ns: int | None
    status: AttemptStatus
    error: str | None = None
    number: int = 1
    probe: bool = False
    busy_ns: int = 0
    model: str | None = None
    usage: tuple[Usage, ...] = ()


@_record
class ProviderSwitched:
    """From here on, calls of ``slot`` go to ``provider`` instead of ``previous``.

    Both are named as in the pipeline file: ``openai/gpt-6-luna``. ``reason`` is for a person to read.
    """

    at_ns: int
    turn: int | None
    slot: str
    previous: str
    provider: str
    reason: str


@_record
class ToolStarted:
    at_ns: int
    turn: int
    call_id: str
    name: str
    arguments: dict[str, Any] | str
    """A string if the model's arguments were not a JSON object."""
    joined: bool = False
    """True: an equal call of an interrupted turn is under way, and its result is this one's, too."""


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
class ClipEnded:
    """A recorded caller has said all of ``clip`` but its trailing silence; its last speech was due at
    ``end_of_speech_ns``."""

    at_ns: int
    clip: str
    end_of_speech_ns: int


@_record
class CallerLevel:
    """How loud the caller's side was: once, at the end of a call that had any audio.

    ``loudest_dbfs``: the level (RMS) of the loudest 20 ms. ``clipped``: the share, 0 to 1, of what was
    audible in which samples stood at full scale. Both are measured ten times a second.
    """

    at_ns: int
    loudest_dbfs: float
    clipped: float


@_record
class TurnDrafted:
    """A reply to ``user`` is being prepared while the caller may still go on.

    Either ``TurnBegan`` follows, or ``TurnEnded`` with the status ``discarded``: then it was waste.
    """

    at_ns: int
    turn: int
    user: str


@_record
class TurnBegan:
    """The caller's turn is over and a reply is due.

    ``end_of_speech_ns`` is the estimated end of the last speech and ``wait_over_ns`` when the policy
    decided that nothing more would come; both are None for a typed turn and a greeting.
    """

    at_ns: int
    turn: int
    user: str
    end_of_speech_ns: int | None
    wait_over_ns: int | None


@_record
class TurnReworded:
    """The words of the caller's ``turn``, ``user``, became known after its reply had been begun.

    A model that hears for itself doesn't wait for the words.
    """

    at_ns: int
    turn: int
    user: str


@_record
class VoiceAudible:
    """The first audio of ``turn`` that can be heard was made; it may have to wait to be played."""

    at_ns: int
    turn: int


@_record
class TurnEnded:
    """``said`` is what the model wrote, ``heard`` what really left the loudspeaker."""

    at_ns: int
    turn: int
    status: TurnStatus
    said: str
    heard: str
    error: str | None = None


IgnoredReason = Literal["backchannel", "no_words"]


@_record
class HistoryForgot:
    """The oldest ``turns`` turns aren't told to the model any more: there are more than ``agent.history``
    says."""

    at_ns: int
    turns: int


@_record
class SpeechIgnored:
    """The caller made a sound while the agent spoke or thought, and the reply went on.

    ``text`` is what was recognised. ``paused_ns``: how long the reply was held back because of it (0 if it
    was at most made quieter).
    """

    at_ns: int
    turn: int
    utterance: int
    text: str
    reason: IgnoredReason
    paused_ns: int


@_record
class DeadAir:
    """Nothing was heard for ``silent_ns`` although ``turn`` was due, and ``stage`` is at fault.

    ``turn`` None: what the caller said never became one.
    """

    at_ns: int
    turn: int | None
    stage: str
    silent_ns: int


@_record
class StateChanged:
    """The policy moved to ``state`` (a ``speech.policy.State``)."""

    at_ns: int
    state: str


@_record
class Failed:
    """Something went wrong that doesn't belong to one reply; ``error`` is for a person to read."""

    at_ns: int
    stage: str
    error: str


@_record
class ObjectiveMissed:
    """From here on ``objective`` of ``slo:`` isn't met, over all calls of the process.

    ``objective``: ``voice_to_voice.p90``; ``limit``: ``< 1s``; ``value``: what was measured instead: in
    milliseconds, or a share of 1, or USD, None if something has no price; of ``count`` measurements in the
    last ``window_ns``.
    """

    at_ns: int
    objective: str
    limit: str
    value: float | None
    count: int
    window_ns: int


@_record
class ObjectiveMet:
    """An objective that was missed is met again, and has been for a while; fields as in the other."""

    at_ns: int
    objective: str
    limit: str
    value: float | None
    count: int
    window_ns: int


@_record
class BudgetAlert:
    """``spent_usd`` of ``limit_usd`` is what calls have cost that ``budget`` is for: it is nearly spent.

    ``budget``: ``session``, ``day 2026-11-23``, ``user ann, day 2026-11-23``. Once for each of them, in the
    call that noticed it.
    """

    at_ns: int
    budget: str
    spent_usd: float
    limit_usd: float


@_record
class BudgetExceeded:
    """The next request of ``slot`` could cost more than is left of ``budget``, or the call has lasted too
    long (``budget`` is ``max_call`` then); ``slot`` None: it was no request.

    ``action`` is what happens now: ``profile cheap``, ``hang_up``, ``deny``.
    """

    at_ns: int
    turn: int | None
    slot: str | None
    budget: str
    limit: str
    action: str


@_record
class Tapped:
    """What a tap gave (``frame``, never audio); nobody else gets it."""

    at_ns: int
    slot: str
    frame: Any


Record = (
    NotSent
    | ProviderAttempt
    | ProviderSwitched
    | ToolStarted
    | ToolFinished
    | TurnDrafted
    | TurnBegan
    | TurnReworded
    | HistoryForgot
    | VoiceAudible
    | TurnEnded
    | SpeechIgnored
    | DeadAir
    | StateChanged
    | Failed
    | ClipEnded
    | CallerLevel
    | ObjectiveMissed
    | ObjectiveMet
    | BudgetAlert
    | BudgetExceeded
    | Tapped
)
