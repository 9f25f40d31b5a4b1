"""The rules of turn-taking as one total table: ``{event: {state: (next state, actions)}}``.

A row for each event and a column for each state; a cell that is left out is a ``TypeError`` when this
module is imported. What an event means, and which one a frame is, ``speech.policy`` says.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    IDLE = "idle"
    LISTENING = "listening"
    ENDPOINTING = "endpointing"
    """The caller has paused; it may be the end of the turn. A reply may be drafted meanwhile."""
    TRANSCRIBING = "transcribing"
    """The turn is over, but its words aren't all known yet."""
    PROCESSING = "processing"
    WAITING_FOR_TOOL = "waiting_for_tool"
    SPEAKING = "speaking"
    DUCKED = "ducked"
    """Somebody makes a sound into the reply, which goes on quietly."""
    PAUSED = "paused"
    """It went on, so the reply is held; it is interrupted or comes back."""
    HELD = "held"
    """Somebody makes a sound while the reply is being prepared: it doesn't begin to speak."""
    ERROR = "error"
    """The reply couldn't be given, and the caller is being told."""


class Event(StrEnum):
    GREET = "greet"
    TYPED = "typed"
    PRESSED = "talk key pressed"
    RELEASED = "talk key released"
    SPEECH_STARTED = "speech started"
    SPEECH_PAUSED = "speech paused"
    SPEECH_RESUMED = "speech resumed"
    SPEECH_TOO_LONG = "speech too long"
    DRAFTABLE = "words for a draft"
    WAIT_OVER_WITH_WORDS = "wait over, words"
    WAIT_OVER_WITHOUT_WORDS = "wait over, no words"
    WAIT_OVER_TOO_SOON = "wait over, transcript missing"
    DUCK_DUE = "sound goes on"
    PAUSE_DUE = "sound goes on longer"
    INTRUSION_CONFIRMED = "interruption, goes on"
    INTRUSION_CONFIRMED_OVER = "interruption, caller has paused"
    INTRUSION_IGNORED = "no interruption"
    INTRUSION_IGNORED_TOOL = "no interruption, tool running"
    WORDS_LOST = "wait over, words lost"
    PROVIDER_BEGAN = "provider began"
    RECOVERING = "stage recovering"
    RECOVERY_SLOW = "recovery takes long"
    RECOVERED = "stage recovered"
    RECOVERED_TOLD = "stage recovered, caller was told"
    TOOL_STARTED = "tool started"
    TOOL_FINISHED = "tool finished"
    PLAYBACK_STARTED = "playback started"
    PLAYBACK_STOPPED = "playback ran dry"
    PLAYBACK_STOPPED_TOOL = "playback ran dry, tool running"
    HEARD = "segment heard"
    REPLY_ENDED = "reply ended"
    REPLY_ENDED_SPEAKING = "reply ended, caller speaks"
    REPLY_ENDED_SPOKE = "reply ended, caller has spoken"
    REPLY_ENDED_EMPTY = "reply ended without a sound"
    REPLY_ENDED_TO_REPEAT = "reply ended, repeat wanted"
    FAILED = "turn failed"
    FAILED_SPEAKING = "turn failed, caller speaks"
    FAILED_SPOKE = "turn failed, caller has spoken"
    DEAD_AIR = "dead air"
    DEAD_AIR_AGAIN = "dead air for too long"
    SKIP = "skip"
    REPEAT = "repeat"


class Action(StrEnum):
    """What the shell has to do; executed in the order given."""

    DRAFT = "draft"
    """Begin a reply to the words so far, in place of an earlier draft."""
    DISCARD = "discard"
    """Drop the draft, if there is one."""
    COMMIT = "commit"
    """Make a turn of the words so far and have it answered: by the draft, if it is of the same words."""
    FORGET = "forget"
    """There were no words: nothing is due."""
    DUCK = "duck"
    PAUSE = "pause"
    RESUME = "resume"
    """The reply comes back, and the sound is noted as ignored."""
    INTERRUPT = "interrupt"
    """The reply is dead."""
    FINISH = "finish"
    """The reply has come to its end."""
    FAIL = "fail"
    """The reply can't be given."""
    NOTE_DEAD_AIR = "note dead air"
    """Log which stage is at fault."""
    ASK_FOR_PATIENCE = "ask for patience"
    """The notice ``wait``, as a part of the reply that is due."""
    SAY_WAIT = "say wait"
    """The notice ``wait``, although no reply is due yet: the words are still to come."""
    SAY_RECONNECTED = "say reconnected"
    """The notice ``reconnected``, as a reply of its own."""
    APOLOGISE = "apologise"
    """The notice ``failed``, or ``not_heard`` if there was no turn, as a reply of its own."""
    REPEAT = "repeat"
    """Make a turn of the last reply's words."""
    REPEAT_LATER = "repeat later"
    """The policy remembers that the reply is to be repeated when it has ended."""


@dataclass(frozen=True, slots=True)
class Cell:
    state: State | None
    """None: stay."""
    actions: tuple[Action, ...]


IGNORE = Cell(None, ())
_Row = dict[State, Cell]


def _to(state: State, *actions: Action) -> Cell:
    return Cell(state, actions)


def _do(*actions: Action) -> Cell:
    return Cell(None, actions)


def _row(
    *,
    idle: Cell,
    listening: Cell,
    endpointing: Cell,
    transcribing: Cell,
    processing: Cell,
    waiting_for_tool: Cell,
    speaking: Cell,
    ducked: Cell,
    paused: Cell,
    held: Cell,
    error: Cell,
) -> _Row:
    return {
        State.IDLE: idle,
        State.LISTENING: listening,
        State.ENDPOINTING: endpointing,
        State.TRANSCRIBING: transcribing,
        State.PROCESSING: processing,
        State.WAITING_FOR_TOOL: waiting_for_tool,
        State.SPEAKING: speaking,
        State.DUCKED: ducked,
        State.PAUSED: paused,
        State.HELD: held,
        State.ERROR: error,
    }


_never = _row(
    idle=IGNORE,
    listening=IGNORE,
    endpointing=IGNORE,
    transcribing=IGNORE,
    processing=IGNORE,
    waiting_for_tool=IGNORE,
    speaking=IGNORE,
    ducked=IGNORE,
    paused=IGNORE,
    held=IGNORE,
    error=IGNORE,
)

THINKING = (State.PROCESSING, State.WAITING_FOR_TOOL)
AUDIBLE = (State.SPEAKING, State.DUCKED, State.PAUSED)
INTRUDED = (State.DUCKED, State.PAUSED, State.HELD)
"""Somebody makes, or has made, a sound of which isn't known yet whether it is an interruption."""
REPLYING = (*THINKING, *AUDIBLE, State.HELD)


def _in(states: tuple[State, ...], cell: Cell) -> _Row:
    return dict.fromkeys(states, cell)


_listen_again = _to(State.LISTENING, Action.DISCARD)
_interrupted = _to(State.LISTENING, Action.INTERRUPT)
_interrupted_over = _to(State.ENDPOINTING, Action.INTERRUPT)
_replaced = _to(State.PROCESSING, Action.INTERRUPT, Action.COMMIT)
_held = _to(State.HELD, Action.PAUSE)
_finished = _to(State.IDLE, Action.FINISH)

TABLE: dict[Event, _Row] = {
    Event.GREET: _never | {State.IDLE: _to(State.PROCESSING, Action.COMMIT)},
    # What is typed while the caller speaks becomes a part of the same turn.
    Event.TYPED: _never
    | {State.IDLE: _to(State.PROCESSING, Action.COMMIT)}
    | _in((*REPLYING, State.ERROR), _replaced),
    Event.PRESSED: _never
    | {
        State.IDLE: _to(State.LISTENING),
        State.ENDPOINTING: _listen_again,
        State.TRANSCRIBING: _listen_again,
    }
    | _in((*REPLYING, State.ERROR), _interrupted),
    Event.RELEASED: _never | {State.LISTENING: _to(State.ENDPOINTING)},
    Event.SPEECH_STARTED: _row(
        idle=_to(State.LISTENING),
        listening=IGNORE,
        endpointing=_listen_again,
        transcribing=_listen_again,
        processing=_held,
        waiting_for_tool=_held,
        speaking=IGNORE,
        ducked=IGNORE,
        paused=IGNORE,
        held=IGNORE,
        error=_interrupted,
    ),
    Event.SPEECH_PAUSED: _never | {State.LISTENING: _to(State.ENDPOINTING)},
    Event.SPEECH_RESUMED: _never
    | {
        State.ENDPOINTING: _listen_again,
        State.TRANSCRIBING: _listen_again,
        State.PROCESSING: _held,
        State.WAITING_FOR_TOOL: _held,
    },
    Event.SPEECH_TOO_LONG: _never | {State.LISTENING: _to(State.ENDPOINTING)},
    Event.DRAFTABLE: _never | {State.ENDPOINTING: _do(Action.DRAFT)},
    Event.WAIT_OVER_WITH_WORDS: _never
    | _in(
        (State.LISTENING, State.ENDPOINTING, State.TRANSCRIBING),
        _to(State.PROCESSING, Action.COMMIT),
    ),
    Event.WAIT_OVER_WITHOUT_WORDS: _never
    | _in((State.ENDPOINTING, State.TRANSCRIBING), _to(State.IDLE, Action.DISCARD, Action.FORGET)),
    Event.WAIT_OVER_TOO_SOON: _never | {State.ENDPOINTING: _to(State.TRANSCRIBING)},
    Event.DUCK_DUE: _never | {State.SPEAKING: _to(State.DUCKED, Action.DUCK)},
    Event.PAUSE_DUE: _never | {State.DUCKED: _to(State.PAUSED, Action.PAUSE)},
    Event.INTRUSION_CONFIRMED: _never | _in(REPLYING, _interrupted),
    Event.INTRUSION_CONFIRMED_OVER: _never | _in(REPLYING, _interrupted_over),
    Event.INTRUSION_IGNORED: _never
    | {
        State.SPEAKING: _do(Action.RESUME),
        State.DUCKED: _to(State.SPEAKING, Action.RESUME),
        State.PAUSED: _to(State.SPEAKING, Action.RESUME),
        State.HELD: _to(State.PROCESSING, Action.RESUME),
    },
    Event.INTRUSION_IGNORED_TOOL: _never
    | {
        State.SPEAKING: _do(Action.RESUME),
        State.DUCKED: _to(State.SPEAKING, Action.RESUME),
        State.PAUSED: _to(State.SPEAKING, Action.RESUME),
        State.HELD: _to(State.WAITING_FOR_TOOL, Action.RESUME),
    },
    Event.WORDS_LOST: _never
    | _in(
        (State.ENDPOINTING, State.TRANSCRIBING),
        _to(State.ERROR, Action.DISCARD, Action.FORGET, Action.APOLOGISE),
    ),
    Event.PROVIDER_BEGAN: _never,
    Event.RECOVERING: _never,
    Event.RECOVERY_SLOW: _never
    | _in(THINKING, _do(Action.ASK_FOR_PATIENCE))
    | {State.TRANSCRIBING: _do(Action.SAY_WAIT)},
    Event.RECOVERED: _never,
    # While a reply is due it tells by itself that all is well again.
    Event.RECOVERED_TOLD: _never | {State.IDLE: _to(State.ERROR, Action.SAY_RECONNECTED)},
    Event.TOOL_STARTED: _never | {State.PROCESSING: _to(State.WAITING_FOR_TOOL)},
    Event.TOOL_FINISHED: _never | {State.WAITING_FOR_TOOL: _to(State.PROCESSING)},
    Event.PLAYBACK_STARTED: _never | _in(THINKING, _to(State.SPEAKING)),
    Event.PLAYBACK_STOPPED: _never | {State.SPEAKING: _to(State.PROCESSING), State.DUCKED: _held},
    Event.PLAYBACK_STOPPED_TOOL: _never | {State.SPEAKING: _to(State.WAITING_FOR_TOOL), State.DUCKED: _held},
    Event.HEARD: _never,
    Event.REPLY_ENDED: _never | _in((*REPLYING, State.ERROR), _finished),
    Event.REPLY_ENDED_SPEAKING: _never | _in((*REPLYING, State.ERROR), _to(State.LISTENING, Action.FINISH)),
    Event.REPLY_ENDED_SPOKE: _never | _in((*REPLYING, State.ERROR), _to(State.ENDPOINTING, Action.FINISH)),
    Event.REPLY_ENDED_EMPTY: _never | _in(REPLYING, _to(State.ERROR, Action.FAIL, Action.APOLOGISE)),
    Event.REPLY_ENDED_TO_REPEAT: _never
    | _in((*REPLYING, State.ERROR), _to(State.PROCESSING, Action.FINISH, Action.REPEAT)),
    Event.FAILED: _never
    | _in(REPLYING, _to(State.ERROR, Action.FAIL, Action.APOLOGISE))
    | {State.ERROR: _to(State.IDLE, Action.FAIL)},
    # To somebody who is speaking nothing is said; their own words are answered instead.
    Event.FAILED_SPEAKING: _never | _in((*REPLYING, State.ERROR), _to(State.LISTENING, Action.FAIL)),
    Event.FAILED_SPOKE: _never | _in((*REPLYING, State.ERROR), _to(State.ENDPOINTING, Action.FAIL)),
    Event.DEAD_AIR: _never
    | _in(THINKING, _do(Action.NOTE_DEAD_AIR, Action.ASK_FOR_PATIENCE))
    | {
        State.TRANSCRIBING: _to(
            State.ERROR, Action.DISCARD, Action.NOTE_DEAD_AIR, Action.FORGET, Action.APOLOGISE
        ),
        State.ERROR: _to(State.IDLE, Action.NOTE_DEAD_AIR, Action.INTERRUPT),
    },
    Event.DEAD_AIR_AGAIN: _never
    | _in(THINKING, _to(State.ERROR, Action.NOTE_DEAD_AIR, Action.FAIL, Action.APOLOGISE)),
    Event.SKIP: _never | _in((*THINKING, State.SPEAKING, State.ERROR), _to(State.IDLE, Action.INTERRUPT)),
    # A reply that isn't over may not be written to its end: to begin it again now would lose the rest.
    Event.REPEAT: _never
    | {State.IDLE: _to(State.PROCESSING, Action.REPEAT)}
    | _in(AUDIBLE, _do(Action.REPEAT_LATER)),
}
"""``{event: {state: cell}}``, total by construction."""
