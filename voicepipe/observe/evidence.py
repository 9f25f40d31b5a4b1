"""What there is to judge a test's conversation by: its events, the times of its steps, and what was heard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from voicepipe.audio.level import end_of_speech
from voicepipe.core.frames import Heard, Pcm, PlaybackStarted, SpeechStarted
from voicepipe.core.records import (
    DeadAir,
    ProviderAttempt,
    SpeechIgnored,
    StateChanged,
    TurnBegan,
    TurnEnded,
)
from voicepipe.core.units import MS, SECOND
from voicepipe.observe.report import CallReport
from voicepipe.observe.turn_report import TurnReport
from voicepipe.speech.heard import heard_text
from voicepipe.speech.policy import State

AUDIBLE_DBFS = -50.0
"""As for the first audio of a reply."""


class StepTimes(Protocol):
    """Session times in ns, None as long as the step wasn't reached; ``missed``: why it couldn't be done."""

    began_ns: int | None
    onset_ns: int | None
    missed: str | None


@dataclass(slots=True)
class Reply:
    """One turn: what the report tells of it, and when it was what."""

    report: TurnReport
    began_ns: int
    audible_ns: int | None = None
    ended_ns: int | None = None
    heard: dict[int, int] = field(default_factory=dict)
    """Segment → how much of it was reported as heard, in ns."""
    fillers: dict[int, str] = field(default_factory=dict)
    """Segment that is no history → its words that were heard."""


@dataclass(slots=True)
class Evidence:
    """All of one conversation, once it has ended at ``ended_ns``.

    ``played`` is what the loudspeaker played from the beginning of the session, at ``rate``; ``remembered``
    the agent's words in the history, by turn.
    """

    report: CallReport
    events: Sequence[tuple[int, Any]]
    steps: Sequence[StepTimes]
    ended_ns: int
    played: Pcm
    rate: int
    remembered: Mapping[int, str]
    replies: dict[int, Reply] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        reports = {turn.turn: turn for turn in self.report.all_turns}
        for _, event in self.events:
            if isinstance(event, TurnBegan):
                if event.turn in reports:  # a reply that was begun anew has another turn's number
                    self.replies[event.turn] = Reply(reports[event.turn], event.at_ns)
                continue
            reply = self.replies.get(getattr(event, "turn", None) or 0)
            if reply is None:
                continue
            if isinstance(event, PlaybackStarted) and reply.audible_ns is None:
                reply.audible_ns = event.at_ns
            elif isinstance(event, Heard) and event.segment is not None:
                reply.heard[event.segment.index] = event.samples * SECOND // event.segment.rate
                if not event.segment.in_history:
                    reply.fillers[event.segment.index] = heard_text(event.segment, event.samples)
            elif isinstance(event, TurnEnded):
                reply.ended_ns = event.at_ns

    def between(self, start_ns: int, end_ns: int) -> list[Reply]:
        """The turns that began from ``start_ns`` on and before ``end_ns``."""
        return [reply for reply in self.replies.values() if start_ns <= reply.began_ns < end_ns]

    def spoken_at(self, at_ns: int) -> Reply | None:
        """The reply that was being heard then, or that just then was cut off."""
        for reply in reversed(self.replies.values()):
            end = reply.ended_ns or self.ended_ns
            cut = reply.report.status == "interrupted" and at_ns == end
            if reply.audible_ns is not None and (reply.audible_ns <= at_ns < end or cut):
                return reply
        return None

    def silent_ns(self, reply: Reply, from_ns: int) -> int:
        """When nothing more of ``reply`` was heard; ``from_ns`` if nothing was heard after that."""
        until = self.ended_ns
        for other in self.replies.values():
            if other.audible_ns is not None and from_ns < other.audible_ns and other is not reply:
                until = min(until, other.audible_ns)
        start = from_ns * self.rate // SECOND
        heard = self.played[start : until * self.rate // SECOND]
        last = end_of_speech(heard, self.rate, AUDIBLE_DBFS)
        return from_ns if last is None else from_ns + last * SECOND // self.rate

    def state_at(self, at_ns: int) -> State:
        state = State.IDLE
        for _, event in self.events:
            if isinstance(event, StateChanged) and event.at_ns <= at_ns:
                state = State(event.state)
        return state

    def noticed(self, start_ns: int, end_ns: int) -> bool:
        """Whether the caller was noticed to make a sound from ``start_ns`` on and before ``end_ns``."""
        return any(
            isinstance(event, SpeechStarted) and start_ns <= event.at_ns < end_ns for _, event in self.events
        )

    def ignored(self, start_ns: int, end_ns: int) -> list[SpeechIgnored]:
        """What was ignored of the sounds that were noticed then, however late that was decided."""
        then = {
            event.position
            for _, event in self.events
            if isinstance(event, SpeechStarted) and start_ns <= event.at_ns < end_ns
        }
        found = (event for _, event in self.events if isinstance(event, SpeechIgnored))
        return [event for event in found if event.utterance in then]

    def dead_air(self, start_ns: int, end_ns: int) -> list[DeadAir]:
        return [
            event
            for _, event in self.events
            if isinstance(event, DeadAir) and start_ns <= event.at_ns < end_ns
        ]

    def requests(self, kind: str, *, wasted: bool = False) -> int:
        """Calls of the providers in the slots of ``kind``, taps not counted; ``wasted``: those of drafts that
        were discarded, and not the others."""
        calls = (event for _, event in self.events if isinstance(event, ProviderAttempt))
        of_turns = [call.turn for call in calls if call.slot == kind and call.turn is not None]
        return sum((turn in self.replies) is not wasted for turn in of_turns)

    def voice_to_voice_ns(self) -> list[int]:
        """Of each turn that was spoken and whose reply was heard."""
        totals = (turn.timeline for turn in self.report.turns)
        return [one.total_ns for one in totals if one is not None and one.spoken and one.audible]


def milliseconds(nanoseconds: int) -> str:
    return f"{nanoseconds / MS:.0f} ms"
