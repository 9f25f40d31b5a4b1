"""Where the time of a turn went, from the event stream alone.

A turn's marks are the moments on its critical path: end of speech → wait over → words final → the model's
first token → (tools answered → the model goes on)* → the voice's first audio → first audio heard. What was
spent on a step is the interval from the mark before to its own, in integer nanoseconds, so the steps sum to
the total by construction. Work that overlapped what it could have waited for contributes 0: what a draft did
before the turn began is kept apart, as done ahead.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from voicepipe.core.frames import PlaybackStarted, ProviderBegan
from voicepipe.core.records import (
    ClipEnded,
    StateChanged,
    ToolFinished,
    ToolStarted,
    TurnBegan,
    TurnDrafted,
    TurnEnded,
)
from voicepipe.core.units import MS
from voicepipe.speech.policy import State

Step = Literal["endpoint", "stt", "llm_first_token", "llm", "tools", "tts_first_audio", "playout"]
STEPS: tuple[Step, ...] = get_args(Step)

LATENCIES = ("endpoint", "stt", "llm_first_token", "tts_first_audio", "voice_to_voice")

MAX_MARKS = 256
"""Of one turn: more rounds of tools than the llm stage allows."""

_CLIPS = 16
"""Recorded utterances that are remembered until their turn has ended."""


@dataclass(frozen=True, slots=True)
class Mark:
    """At session time ``at_ns`` the step ``step`` was over."""

    step: Step
    at_ns: int


@dataclass(frozen=True, slots=True)
class Contribution:
    """``step`` took from ``start_ns`` on; a step may occur more than once."""

    step: Step
    start_ns: int
    duration_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnTimeline:
    """The critical path of one turn up to its first audio, or as far as it came.

    ``start_ns`` is the end of the caller's speech if ``spoken``, else when the turn began (it was typed, or
    is a greeting). ``estimated``: that end of speech comes from the VAD, not from a recording.
    ``filler``: the first audio wasn't the reply itself yet.

    ``ahead``: what was done of a step from ``start_ns`` on while the turn wasn't certain yet.
    """

    turn: int
    start_ns: int
    spoken: bool
    estimated: bool
    marks: tuple[Mark, ...]
    ahead: tuple[Contribution, ...] = ()
    filler: bool = False

    @property
    def total_ns(self) -> int:
        return self.marks[-1].at_ns - self.start_ns if self.marks else 0

    @property
    def audible(self) -> bool:
        """Whether anything was heard; only then is the total that of the whole way."""
        return bool(self.marks) and self.marks[-1].step == "playout"

    @property
    def contributions(self) -> tuple[Contribution, ...]:
        """The intervals between consecutive marks; they sum to ``total_ns``."""
        starts = (self.start_ns, *(mark.at_ns for mark in self.marks))
        return tuple(
            Contribution(mark.step, start, mark.at_ns - start)
            for start, mark in zip(starts, self.marks, strict=False)
        )

    def spent_ns(self, step: Step) -> int | None:
        """All that was spent on ``step``; None if it never came to its end."""
        spent = [one.duration_ns for one in self.contributions if one.step == step]
        return sum(spent) if spent else None

    def latency_ms(self) -> dict[str, float | None]:
        """``LATENCIES`` in milliseconds; None for what isn't known or didn't happen."""
        voice_to_voice = self.total_ns if self.spoken and self.audible else None
        spent = {
            "endpoint": self.spent_ns("endpoint"),
            "stt": self.spent_ns("stt"),
            "llm_first_token": self.spent_ns("llm_first_token"),
            "tts_first_audio": self.spent_ns("tts_first_audio"),
            "voice_to_voice": voice_to_voice,
        }
        return {name: None if ns is None else ns / MS for name, ns in spent.items()}


@dataclass(slots=True)
class _Open:
    """A turn or a draft that hasn't ended."""

    drafted_ns: int | None = None
    began: TurnBegan | None = None
    since_ns: int = -1
    """What the caller said before then belongs to another turn, or to none."""
    marks: list[Mark] = field(default_factory=list)
    tools: int = 0
    """Tools that are running."""
    filler: bool = False

    def mark(self, step: Step, at_ns: int) -> None:
        if len(self.marks) < MAX_MARKS:
            self.marks.append(Mark(step, at_ns))

    def has(self, step: Step) -> bool:
        return any(mark.step == step for mark in self.marks)


class Timelines:
    """An observer that calls ``on_turn`` with the timeline of each turn when it has ended.

    A draft that is discarded has none.
    """

    def __init__(self, on_turn: Callable[[TurnTimeline], None]) -> None:
        self._on_turn = on_turn
        self._open: dict[int, _Open] = {}
        self._clips: deque[int] = deque(maxlen=_CLIPS)
        self._since_ns = -1

    def __call__(self, at_ns: int, event: Any) -> None:
        if isinstance(event, TurnDrafted):
            self._open[event.turn] = _Open(drafted_ns=event.at_ns)
        elif isinstance(event, TurnBegan):
            turn = self._open.setdefault(event.turn, _Open())
            turn.began, turn.since_ns = event, self._since_ns
            self._since_ns = event.at_ns
        elif isinstance(event, StateChanged):
            if event.state == State.IDLE:
                self._since_ns = event.at_ns
        elif isinstance(event, ClipEnded):
            self._clips.append(event.end_of_speech_ns)
        elif isinstance(event, TurnEnded):
            ended = self._open.pop(event.turn, None)
            if ended is not None and ended.began is not None:
                self._on_turn(self._timeline(ended, ended.began))
        elif isinstance(event, ProviderBegan | ToolStarted | ToolFinished | PlaybackStarted):
            of = self._open.get(event.turn)
            if of is not None:
                _note(of, event)

    def _timeline(self, turn: _Open, began: TurnBegan) -> TurnTimeline:
        if began.end_of_speech_ns is None or began.wait_over_ns is None:
            return _path(turn, began, began.at_ns, [], spoken=False, estimated=False)
        recorded = [ns for ns in self._clips if turn.since_ns < ns <= began.at_ns]
        start = recorded[-1] if recorded else began.end_of_speech_ns
        until_words = [Mark("endpoint", began.wait_over_ns), Mark("stt", began.at_ns)]
        return _path(turn, began, start, until_words, spoken=True, estimated=not recorded)


def _note(turn: _Open, event: ProviderBegan | ToolStarted | ToolFinished | PlaybackStarted) -> None:
    if turn.has("playout"):
        return
    if isinstance(event, PlaybackStarted):
        turn.mark("playout", event.at_ns)
        turn.filler = event.filler
    elif turn.has("tts_first_audio"):
        return  # the voice speaks already: whatever else goes on is not waited for
    elif isinstance(event, ProviderBegan):
        if event.stage == "tts":
            turn.mark("tts_first_audio", event.at_ns)
        elif event.stage == "llm":
            turn.mark("llm" if turn.has("llm_first_token") else "llm_first_token", event.at_ns)
    elif isinstance(event, ToolStarted):
        if turn.tools == 0:
            turn.mark("llm", event.at_ns)
        turn.tools += 1
    else:
        turn.tools -= 1
        if turn.tools == 0:
            turn.mark("tools", event.at_ns)


def _path(
    turn: _Open, began: TurnBegan, start_ns: int, until_words: list[Mark], *, spoken: bool, estimated: bool
) -> TurnTimeline:
    """A mark that lies before the one it follows was not waited for: it contributes 0."""
    at_ns, path = start_ns, []
    for mark in (*until_words, *turn.marks):
        at_ns = max(at_ns, mark.at_ns)
        path.append(Mark(mark.step, at_ns))
    return TurnTimeline(
        turn=began.turn,
        start_ns=start_ns,
        spoken=spoken,
        estimated=estimated,
        marks=tuple(path),
        ahead=tuple(_ahead(turn, start_ns, began.at_ns)),
        filler=turn.filler,
    )


def _ahead(turn: _Open, start_ns: int, began_ns: int) -> Iterator[Contribution]:
    """The draft's steps, as far as they lie before the turn began; first of all its words.

    The words of a draft were known when it was begun, and had been awaited since the end of the speech.
    """
    if turn.drafted_ns is None:
        return
    at_ns = start_ns
    for mark in (Mark("stt", turn.drafted_ns), *turn.marks):
        until = min(mark.at_ns, began_ns)
        if at_ns < until and mark.step != "playout":  # which waits: nothing of a draft is heard
            yield Contribution(mark.step, at_ns, until - at_ns)
            at_ns = until
