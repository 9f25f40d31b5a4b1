"""Whose turn it is: one total transition table, and the memory of what the caller is saying.

The table has a row for each event and a column for each state; a cell that is left out is a
``TypeError`` when this module is imported. Nothing here waits or reads a clock: ``now`` is the session
time of the event, and the shell (``stages.turn``) arms one timer from ``deadline``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from voicepipe.core.frames import (
    Heard,
    PlaybackStarted,
    ProviderBegan,
    Repeat,
    Skip,
    SpeechStarted,
    SpeechStopped,
    ToolWaiting,
    Transcript,
    TurnFailed,
    TypedText,
)

PolicyInput = (
    SpeechStarted
    | SpeechStopped
    | Transcript
    | TypedText
    | PlaybackStarted
    | Heard
    | TurnFailed
    | ToolWaiting
    | ProviderBegan
    | Skip
    | Repeat
)


class State(StrEnum):
    IDLE = "idle"
    LISTENING = "listening"
    ENDPOINTING = "endpointing"
    """The caller has paused; it may be the end of the turn."""
    TRANSCRIBING = "transcribing"
    """The turn is over, but its words aren't all known yet."""
    PROCESSING = "processing"
    WAITING_FOR_TOOL = "waiting_for_tool"
    SPEAKING = "speaking"


class Event(StrEnum):
    GREET = "greet"
    TYPED = "typed"
    SPEECH_STARTED = "speech started"
    SPEECH_STOPPED = "speech stopped"
    WAIT_OVER_WITH_WORDS = "wait over, words"
    WAIT_OVER_WITHOUT_WORDS = "wait over, no words"
    WAIT_OVER_TOO_SOON = "wait over, transcript missing"
    PROVIDER_BEGAN = "provider began"
    TOOL_STARTED = "tool started"
    TOOL_FINISHED = "tool finished"
    PLAYBACK_STARTED = "playback started"
    HEARD = "segment heard"
    REPLY_ENDED = "reply ended"
    REPLY_ENDED_TO_REPEAT = "reply ended, repeat wanted"
    FAILED = "turn failed"
    SKIP = "skip"
    REPEAT = "repeat"


class Action(StrEnum):
    """What the shell has to do; executed in the order given."""

    WAIT = "wait"
    """Arm the timer for the end of the turn."""
    STOP_WAITING = "stop waiting"
    COMMIT = "commit"
    """Make a turn of the words so far and have it answered."""
    FORGET = "forget"
    """There were no words: nothing is due."""
    INTERRUPT = "interrupt"
    """The reply is dead."""
    FINISH = "finish"
    """The reply has come to its end."""
    FAIL = "fail"
    """The reply can't be given."""
    REPEAT = "repeat"
    """Make a turn of the last reply's words."""
    REPEAT_LATER = "repeat later"
    """The policy remembers that the reply is to be repeated when it has ended."""


@dataclass(frozen=True, slots=True)
class Cell:
    state: State | None
    """None: stay."""
    actions: tuple[Action, ...]


@dataclass(frozen=True, slots=True)
class CallerTurn:
    """What the caller said and typed. The times are None if it was only typed.

    ``end_of_speech_ns`` is estimated; at ``wait_over_ns`` the silence had lasted long enough.
    """

    text: str
    end_of_speech_ns: int | None
    wait_over_ns: int | None


IGNORE = Cell(None, ())
_Row = dict[State, Cell]


def _to(state: State, *actions: Action) -> Cell:
    return Cell(state, actions)


def _row(
    *,
    idle: Cell,
    listening: Cell,
    endpointing: Cell,
    transcribing: Cell,
    processing: Cell,
    waiting_for_tool: Cell,
    speaking: Cell,
) -> _Row:
    return {
        State.IDLE: idle,
        State.LISTENING: listening,
        State.ENDPOINTING: endpointing,
        State.TRANSCRIBING: transcribing,
        State.PROCESSING: processing,
        State.WAITING_FOR_TOOL: waiting_for_tool,
        State.SPEAKING: speaking,
    }


_never = _row(
    idle=IGNORE,
    listening=IGNORE,
    endpointing=IGNORE,
    transcribing=IGNORE,
    processing=IGNORE,
    waiting_for_tool=IGNORE,
    speaking=IGNORE,
)
_interrupted = _to(State.LISTENING, Action.INTERRUPT)
_replaced = _to(State.PROCESSING, Action.INTERRUPT, Action.COMMIT)
_finished = _to(State.IDLE, Action.FINISH)
_finished_to_repeat = _to(State.PROCESSING, Action.FINISH, Action.REPEAT)
_skipped = _to(State.IDLE, Action.INTERRUPT)
_failed = _to(State.IDLE, Action.FAIL)

TABLE: dict[Event, _Row] = {
    Event.GREET: _never | {State.IDLE: _to(State.PROCESSING, Action.COMMIT)},
    # What is typed while the caller speaks becomes a part of the same turn.
    Event.TYPED: _row(
        idle=_to(State.PROCESSING, Action.COMMIT),
        listening=IGNORE,
        endpointing=IGNORE,
        transcribing=IGNORE,
        processing=_replaced,
        waiting_for_tool=_replaced,
        speaking=_replaced,
    ),
    Event.SPEECH_STARTED: _row(
        idle=_to(State.LISTENING),
        listening=IGNORE,
        endpointing=_to(State.LISTENING, Action.STOP_WAITING),
        transcribing=_to(State.LISTENING, Action.STOP_WAITING),
        processing=_interrupted,
        waiting_for_tool=_interrupted,
        speaking=_interrupted,
    ),
    Event.SPEECH_STOPPED: _never | {State.LISTENING: _to(State.ENDPOINTING, Action.WAIT)},
    Event.WAIT_OVER_WITH_WORDS: _never
    | {
        State.ENDPOINTING: _to(State.PROCESSING, Action.STOP_WAITING, Action.COMMIT),
        State.TRANSCRIBING: _to(State.PROCESSING, Action.COMMIT),
    },
    Event.WAIT_OVER_WITHOUT_WORDS: _never
    | {
        State.ENDPOINTING: _to(State.IDLE, Action.STOP_WAITING, Action.FORGET),
        State.TRANSCRIBING: _to(State.IDLE, Action.FORGET),
    },
    Event.WAIT_OVER_TOO_SOON: _never | {State.ENDPOINTING: _to(State.TRANSCRIBING, Action.STOP_WAITING)},
    Event.PROVIDER_BEGAN: _never,
    Event.TOOL_STARTED: _never | {State.PROCESSING: _to(State.WAITING_FOR_TOOL)},
    Event.TOOL_FINISHED: _never | {State.WAITING_FOR_TOOL: _to(State.PROCESSING)},
    Event.PLAYBACK_STARTED: _never
    | {State.PROCESSING: _to(State.SPEAKING), State.WAITING_FOR_TOOL: _to(State.SPEAKING)},
    Event.HEARD: _never,
    Event.REPLY_ENDED: _never
    | {
        State.PROCESSING: _finished,
        State.WAITING_FOR_TOOL: _finished,
        State.SPEAKING: _finished,
    },
    Event.REPLY_ENDED_TO_REPEAT: _never
    | {
        State.PROCESSING: _finished_to_repeat,
        State.WAITING_FOR_TOOL: _finished_to_repeat,
        State.SPEAKING: _finished_to_repeat,
    },
    Event.FAILED: _never
    | {
        State.PROCESSING: _failed,
        State.WAITING_FOR_TOOL: _failed,
        State.SPEAKING: _failed,
    },
    Event.SKIP: _never
    | {
        State.PROCESSING: _skipped,
        State.WAITING_FOR_TOOL: _skipped,
        State.SPEAKING: _skipped,
    },
    # A reply that isn't over may not be written to its end: to begin it again now would lose the rest.
    Event.REPEAT: _never
    | {State.IDLE: _to(State.PROCESSING, Action.REPEAT), State.SPEAKING: Cell(None, (Action.REPEAT_LATER,))},
}
"""``{event: {state: cell}}``, total by construction."""


class TurnPolicy:
    """The strategy ``silence``: the turn is over ``min_silence_ns`` after the last speech.

    ``on`` takes what happened, moves to the next state and returns what the shell has to do.
    """

    def __init__(self, *, min_silence_ns: int) -> None:
        self.state = State.IDLE
        self.deadline: int | None = None
        self._end_of_speech_ns = 0
        self._wait_over_ns = 0
        self._min_silence_ns = min_silence_ns
        self._utterances: dict[int, str | None] = {}
        self._closed_through = -1
        self._typed: list[str] = []
        self._to_repeat = False

    def greet(self) -> tuple[Action, ...]:
        """The call begins and the agent speaks first."""
        return self._step(Event.GREET)

    def on(self, frame: PolicyInput) -> tuple[Action, ...]:
        """Take a frame whose turn isn't dead."""
        match frame:
            case SpeechStarted():
                self._utterances.setdefault(frame.position, None)
                return self._step(Event.SPEECH_STARTED)
            case SpeechStopped():
                self._end_of_speech_ns = frame.offset_ns
                return self._step(Event.SPEECH_STOPPED)
            case Transcript():
                return self._on_transcript(frame)
            case TypedText():
                text = frame.text.strip()
                if not text:  # the Enter key alone isn't a turn
                    return ()
                self._typed.append(text)
                return self._step(Event.TYPED)
            case PlaybackStarted():
                return self._step(Event.PLAYBACK_STARTED)
            case Heard():
                if not frame.final:
                    return self._step(Event.HEARD)
                return self._step(Event.REPLY_ENDED_TO_REPEAT if self._to_repeat else Event.REPLY_ENDED)
            case ToolWaiting():
                return self._step(Event.TOOL_STARTED if frame.on else Event.TOOL_FINISHED)
            case ProviderBegan():
                return self._step(Event.PROVIDER_BEGAN)
            case TurnFailed():
                return self._step(Event.FAILED)
            case Skip():
                return self._step(Event.SKIP)
            case Repeat():
                return self._step(Event.REPEAT)

    def on_deadline(self, now: int) -> tuple[Action, ...]:
        """The timer rang. Early rings are harmless."""
        if self.deadline is None or now < self.deadline:
            return ()
        self._wait_over_ns = now
        return self._decide()

    def take_turn(self) -> CallerTurn:
        """What the caller said and typed since the last turn, and forget it."""
        spoken = [text for _, text in sorted(self._utterances.items()) if text]
        turn = CallerTurn(
            " ".join(spoken + self._typed),
            self._end_of_speech_ns if spoken else None,
            self._wait_over_ns if spoken else None,
        )
        self._closed_through = max(self._utterances, default=self._closed_through)
        self._utterances.clear()
        self._typed.clear()
        return turn

    def _on_transcript(self, frame: Transcript) -> tuple[Action, ...]:
        if not frame.final or frame.utterance <= self._closed_through:
            return ()
        self._utterances[frame.utterance] = frame.text.strip()
        return self._decide() if self.state is State.TRANSCRIBING else ()

    def _decide(self) -> tuple[Action, ...]:
        if any(text is None for text in self._utterances.values()):
            return self._step(Event.WAIT_OVER_TOO_SOON)
        if self._typed or any(self._utterances.values()):
            return self._step(Event.WAIT_OVER_WITH_WORDS)
        return self._step(Event.WAIT_OVER_WITHOUT_WORDS)

    def _step(self, event: Event) -> tuple[Action, ...]:
        cell = TABLE[event][self.state]
        if cell.state is not None:
            self.state = cell.state
        for action in cell.actions:
            if action is Action.WAIT:
                self.deadline = self._end_of_speech_ns + self._min_silence_ns
            elif action in (Action.STOP_WAITING, Action.COMMIT):
                self.deadline = None
            elif action in (Action.FINISH, Action.INTERRUPT, Action.FAIL, Action.REPEAT_LATER):
                self._to_repeat = action is Action.REPEAT_LATER
        return cell.actions
