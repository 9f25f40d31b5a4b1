"""Where the time of a turn went, from the event stream alone.

A turn's marks are the moments on its critical path: end of speech → noticed by the VAD → wait over → words
final → the request to the model sent → its first token → (tools answered → the model goes on)* → the first
chunk that can be spoken → the voice's first audio → its first audible sample → first audio heard. What was
spent on a step is the interval from the mark before to its own, in integer nanoseconds, so the steps sum to
the total by construction. Work that overlapped what it could have waited for contributes 0: what a draft did
before the turn began is kept apart, as done ahead.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MethodType
from typing import Any, Literal, NamedTuple, get_args

from voicepipe.core.frames import (
    PlaybackStarted,
    ProviderBegan,
    SpeechPaused,
    SpeechResumed,
    SpeechStarted,
    SpeechStopped,
)
from voicepipe.core.records import (
    ClipEnded,
    StateChanged,
    ToolFinished,
    ToolStarted,
    TurnBegan,
    TurnDrafted,
    TurnEnded,
    VoiceAudible,
)
from voicepipe.core.units import MS
from voicepipe.speech.policy import State

Step = Literal[
    "vad",
    "endpoint",
    "stt",
    "llm_queue",
    "llm_first_token",
    "llm",
    "tools",
    "chunk",
    "tts_first_audio",
    "audible",
    "playout",
]
"""In the order of the path. ``vad``: until the end of the speech was noticed, ``endpoint``: the wait for more
of it. ``llm_queue``: what kept the request that the model answered from being sent, failed ones included.
``chunk``: until there was something to speak. ``audible``: the silence that the voice began with."""

STEPS: tuple[Step, ...] = get_args(Step)
LATENCIES = (*STEPS, "voice_to_voice")

MODELS = ("llm", "realtime")
"""Stages whose provider makes the words of a reply."""

NOTHING, WRITES, SPEAKS, AUDIBLE, HEARD = range(5)
"""How far a reply has come: the model's first token, the voice's first audio, its first audible sample, and
the loudspeaker."""

MAX_MARKS = 256
"""Of one turn: more rounds of tools than the llm stage allows."""

_CLIPS = 16
"""Recorded utterances that are remembered until their turn has ended."""


class Mark(NamedTuple):
    """At session time ``at_ns`` the step ``step`` was over."""

    step: Step
    at_ns: int


class Contribution(NamedTuple):
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
        spent: dict[str, int | None] = {step: self.spent_ns(step) for step in STEPS}
        spent["voice_to_voice"] = voice_to_voice
        return {name: None if ns is None else ns / MS for name, ns in spent.items()}


_Marks = list[tuple[Step, int]]
"""Those of a turn that hasn't ended."""


@dataclass(slots=True)
class _Open:
    """A turn or a draft that hasn't ended."""

    drafted_ns: int | None = None
    began: TurnBegan | None = None
    since_ns: int = -1
    """What the caller said before then belongs to another turn, or to none."""
    noticed_ns: int | None = None
    """When the VAD saw the first sign that the caller's speech was over."""
    marks: _Marks = field(default_factory=list)
    reached: int = NOTHING
    """How far the reply has come: what lies before that isn't waited for any more."""
    tools: int = 0
    """Tools that are running."""
    filler: bool = False

    def mark(self, step: Step, at_ns: int) -> None:
        if len(self.marks) < MAX_MARKS:
            self.marks.append((step, at_ns))


class Timelines:
    """An observer that calls ``on_turn`` with the timeline of each turn when it has ended.

    A draft that is discarded has none.
    """

    def __init__(self, on_turn: Callable[[TurnTimeline], None]) -> None:
        self._on_turn = on_turn
        self._open: dict[int, _Open] = {}
        self._clips: deque[int] = deque(maxlen=_CLIPS)
        self._since_ns = -1
        self._noticed_ns: int | None = None

    def __call__(self, at_ns: int, event: Any) -> None:
        read = _READ.get(type(event))
        if read is not None:
            read(self, event)

    def reads(self, kind: type[Any]) -> Callable[[Any], object] | None:
        """What has to be called with each event of a type, by who knows the type; None: nothing."""
        read = _READ.get(kind)
        return None if read is None else MethodType(read, self)

    def _draft(self, event: TurnDrafted) -> None:
        self._open[event.turn] = _Open(drafted_ns=event.at_ns)

    def _begin(self, event: TurnBegan) -> None:
        turn = self._open.get(event.turn)
        if turn is None:
            turn = self._open[event.turn] = _Open()
        turn.began, turn.since_ns, turn.noticed_ns = event, self._since_ns, self._noticed_ns
        self._since_ns = event.at_ns

    def _note_state(self, event: StateChanged) -> None:
        if event.state == State.IDLE:
            self._since_ns = event.at_ns

    def _note_clip(self, event: ClipEnded) -> None:
        self._clips.append(event.end_of_speech_ns)

    def _note_silence(self, event: SpeechPaused | SpeechStopped) -> None:
        if self._noticed_ns is None:
            self._noticed_ns = event.at_ns

    def _note_speech(self, event: SpeechStarted | SpeechResumed) -> None:
        self._noticed_ns = None

    def _waiting(self, turn: int, until: int) -> _Open | None:
        """The turn, if its reply hasn't come as far as that: what else goes on then is not waited for."""
        found = self._open.get(turn)
        return found if found is not None and found.reached < until else None

    def _note_provider(self, event: ProviderBegan) -> None:
        turn = self._waiting(event.turn, until=SPEAKS)
        if turn is None:
            return
        if event.stage == "tts":
            turn.mark("chunk", event.asked_ns)
            turn.mark("tts_first_audio", event.at_ns)
            turn.reached = SPEAKS
        elif event.stage in MODELS:
            if turn.reached == WRITES:
                turn.mark("llm", event.at_ns)
            else:
                turn.mark("llm_queue", event.asked_ns)
                turn.mark("llm_first_token", event.at_ns)
                turn.reached = WRITES

    def _start_tool(self, event: ToolStarted) -> None:
        turn = self._waiting(event.turn, until=SPEAKS)
        if turn is not None:
            if turn.tools == 0:
                turn.mark("llm", event.at_ns)
            turn.tools += 1

    def _finish_tool(self, event: ToolFinished) -> None:
        turn = self._waiting(event.turn, until=SPEAKS)
        if turn is not None:
            turn.tools -= 1
            if turn.tools == 0:
                turn.mark("tools", event.at_ns)

    def _note_voice(self, event: VoiceAudible) -> None:
        turn = self._waiting(event.turn, until=AUDIBLE)
        if turn is not None:
            turn.mark("audible", event.at_ns)
            turn.reached = AUDIBLE

    def _play(self, event: PlaybackStarted) -> None:
        turn = self._waiting(event.turn, until=HEARD)
        if turn is not None:
            turn.mark("playout", event.at_ns)
            turn.filler, turn.reached = event.filler, HEARD

    def _end(self, event: TurnEnded) -> None:
        ended = self._open.pop(event.turn, None)
        if ended is not None and ended.began is not None:
            self._on_turn(self._timeline(ended, ended.began))

    def _timeline(self, turn: _Open, began: TurnBegan) -> TurnTimeline:
        if began.end_of_speech_ns is None or began.wait_over_ns is None:
            return _path(turn, began, began.at_ns, [], spoken=False, estimated=False)
        recorded = [ns for ns in self._clips if turn.since_ns < ns <= began.at_ns]
        start = recorded[-1] if recorded else began.end_of_speech_ns
        until_words: _Marks = [("endpoint", began.wait_over_ns), ("stt", began.at_ns)]
        if turn.noticed_ns is not None and turn.noticed_ns <= began.wait_over_ns:
            until_words.insert(0, ("vad", turn.noticed_ns))
        return _path(turn, began, start, until_words, spoken=True, estimated=not recorded)


_READ: Mapping[type[Any], Callable[[Timelines, Any], None]] = {
    TurnDrafted: Timelines._draft,
    TurnBegan: Timelines._begin,
    StateChanged: Timelines._note_state,
    ClipEnded: Timelines._note_clip,
    SpeechPaused: Timelines._note_silence,
    SpeechStopped: Timelines._note_silence,
    SpeechStarted: Timelines._note_speech,
    SpeechResumed: Timelines._note_speech,
    ProviderBegan: Timelines._note_provider,
    ToolStarted: Timelines._start_tool,
    ToolFinished: Timelines._finish_tool,
    VoiceAudible: Timelines._note_voice,
    PlaybackStarted: Timelines._play,
    TurnEnded: Timelines._end,
}


def _path(
    turn: _Open, began: TurnBegan, start_ns: int, until_words: _Marks, *, spoken: bool, estimated: bool
) -> TurnTimeline:
    """A mark that lies before the one it follows was not waited for: it contributes 0."""
    until_ns, path = start_ns, []
    for step, at_ns in (*until_words, *turn.marks):
        if at_ns > until_ns:
            until_ns = at_ns
        path.append(Mark(step, until_ns))
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
    since_ns = start_ns
    drafted: _Marks = [("stt", turn.drafted_ns)]
    for step, at_ns in (*drafted, *turn.marks):
        if since_ns >= began_ns:
            return
        until_ns = min(at_ns, began_ns)
        if since_ns < until_ns and step != "playout":  # which waits: nothing of a draft is heard
            yield Contribution(step, since_ns, until_ns - since_ns)
            since_ns = until_ns
