"""Whose turn it is: which event of ``speech.turn_table`` a frame is, and the memory that this takes.

Nothing here waits or reads a clock: ``at_ns`` of a frame is when it happened, and the shell arms one timer
from ``deadline``. Every state has one but those that wait for a sound: IDLE, LISTENING, SPEAKING, ERROR.
"""

from __future__ import annotations

from collections.abc import Callable

from voicepipe.core.frames import (
    Heard,
    PlaybackStarted,
    PlaybackStopped,
    Prosody,
    ProviderBegan,
    Recovered,
    Recovering,
    Repeat,
    Skip,
    SpeechPaused,
    SpeechResumed,
    SpeechStarted,
    SpeechStopped,
    Talk,
    ToolWaiting,
    Transcript,
    TurnFailed,
    TypedText,
)
from voicepipe.core.records import IgnoredReason
from voicepipe.speech.backchannels import Said, classify
from voicepipe.speech.drafts import Drafts
from voicepipe.speech.silence import Silence
from voicepipe.speech.turn_rules import (
    KEY_LAG,
    LONGEST_BACKCHANNEL,
    LONGEST_COUGH,
    VERDICT,
    WORDS_LAG,
    CallerTurn,
    Ignored,
    PolicyInput,
    Rules,
)
from voicepipe.speech.turn_table import AUDIBLE, INTRUDED, REPLYING, TABLE, THINKING, Action, Event
from voicepipe.speech.turn_table import State as State
from voicepipe.speech.utterances import Utterances
from voicepipe.speech.waits import Waits


class TurnPolicy:
    """``on`` takes what happened, moves to the next state and returns what the shell has to do.

    ``asks`` tells whether the agent is just asking, or has just asked, a question: then a "yes" is an
    answer. ``asked`` is what it said last. ``interruptible`` is of the reply that is due.
    """

    def __init__(self, rules: Rules, waits: Waits, *, asks: Callable[[], bool] = lambda: False) -> None:
        self.state = State.IDLE
        self.deadline: int | None = None
        self.asked = ""
        self.interruptible = True
        self.ignored: Ignored | None = None
        """Set with the action RESUME."""
        self.silence = Silence(rules.dead_air, rules.notice_after)
        self._rules = rules
        self._waits = waits
        self._asks = asks
        self._said = Utterances()
        self._typed: list[str] = []
        self._prosody: Prosody | None = None
        self._speaking = False
        """The caller's voice is heard, or the key to talk is pressed."""
        self._onset_ns = self._end_of_speech_ns = self._wait_over_ns = 0
        self._too_long = False
        self._released_ns: int | None = None
        self._lost = False
        """The recogniser has failed with some of it."""
        self._partials = False
        """The recogniser tells words before they are final."""
        self._drafts = Drafts()
        self._tool = self._tool_used = self._sounded = False
        self._to_repeat = False

    def greet(self, at_ns: int) -> tuple[Action, ...]:
        """The call begins and the agent speaks first."""
        self.silence.since_ns = at_ns
        return self._step(Event.GREET)

    def on(self, frame: PolicyInput) -> tuple[Action, ...]:
        """Take a frame whose turn isn't dead."""
        match frame:
            case SpeechStarted():
                return self._on_speech_started(frame)
            case SpeechPaused() | SpeechStopped():
                return self._on_pause(frame)
            case SpeechResumed():
                return self._on_speech_resumed(frame)
            case Prosody():
                self._prosody = frame
                return self._settle()
            case Transcript():
                return self._on_transcript(frame)
            case TypedText():
                return self._on_typed(frame)
            case Talk():
                return self._on_talk(frame)
            case PlaybackStarted():
                self._sounded = True
                return self._step(Event.PLAYBACK_STARTED)
            case PlaybackStopped():
                self.silence.since_ns = frame.at_ns
                return self._step(Event.PLAYBACK_STOPPED_TOOL if self._tool else Event.PLAYBACK_STOPPED)
            case Heard():
                return self._on_heard(frame)
            case ToolWaiting():
                self._tool, self._tool_used = bool(frame.on), True
                return self._step(Event.TOOL_STARTED if frame.on else Event.TOOL_FINISHED)
            case ProviderBegan():
                return self._step(Event.PROVIDER_BEGAN)
            case TurnFailed(turn=None) | Recovered():
                self._lost |= isinstance(frame, TurnFailed)
                return self._step(self.silence.recovered(frame.stage))
            case TurnFailed():
                self.silence.since_ns = frame.at_ns
                return self._step(self._by_caller(Event.FAILED, Event.FAILED_SPEAKING, Event.FAILED_SPOKE))
            case Recovering():
                self.silence.recovering(frame.stage, frame.turn)
                return self._step(Event.RECOVERING)
            case Skip():
                return self._confirm() if self.state in INTRUDED else self._step(Event.SKIP)
            case Repeat():
                self.silence.since_ns = frame.at_ns
                return self._step(Event.REPEAT)

    def on_deadline(self, now: int) -> tuple[Action, ...]:
        """The timer rang. Early rings are harmless."""
        if self.deadline is None or now < self.deadline:
            return ()
        match self.state:
            case State.ENDPOINTING:
                self._wait_over_ns = now
                return self._decide()
            case State.LISTENING:
                return self._on_speech_too_long(now)
            case State.SPEAKING:
                return self._step(Event.DUCK_DUE)
            case State.DUCKED if self._speaking:
                return self._step(Event.PAUSE_DUE)
            case State.DUCKED | State.PAUSED | State.HELD:
                return self._confirm() if self._speaking else self._ignore("no_words")
            case State.TRANSCRIBING if self._rules.late_words:
                return self._step(Event.WAIT_OVER_WITH_WORDS)
            case _:
                return self._step(self.silence.over(now, processing=self.state is State.PROCESSING))

    def take_turn(self) -> CallerTurn:
        """What the caller said and typed since the last turn, and forget it."""
        spoken = bool(self._said.text) or (self._rules.late_words and self._said.any)
        turn = CallerTurn(
            self.words,
            self._end_of_speech_ns if spoken else None,
            self._wait_over_ns if spoken else None,
            drafted=self._drafts.fits(self.words),
            typed=" ".join(self._typed),
            spoken=self._said.take(),
        )
        self._too_long |= self._speaking  # the sound that goes on belongs to this turn
        self._speaking = self._lost = False
        self._typed.clear()
        self._prosody = None
        self._drafts = Drafts()
        return turn

    def begin_reply(self, *, interruptible: bool = True) -> None:
        """A reply is due: nothing is known of it yet."""
        self.interruptible = interruptible
        self._tool = self._tool_used = self._sounded = False
        self.silence.begin_reply()
        self.deadline = self._deadline()

    def lose_draft(self) -> None:
        """The draft has failed. The reply is tried once more when the turn is over."""
        self._drafts.give_up()

    @property
    def words(self) -> str:
        """What the caller has said so far of the turn that isn't over."""
        return " ".join([self._said.text, *self._typed]).strip()

    @property
    def utterances(self) -> tuple[int, ...]:
        """Which utterances these are."""
        return self._said.positions

    # ── the caller ───────────────────────────────────────────────────────────────────────────────

    def _on_speech_started(self, frame: SpeechStarted) -> tuple[Action, ...]:
        over_reply = self.state in REPLYING
        if self.state is State.ENDPOINTING:
            self._waits.note_pause(frame.onset_ns - self._end_of_speech_ns)
        self._said.begin(frame, over_reply=over_reply)
        if self._rules.strategy == "push_to_talk":  # the key says whose turn it is
            return ()
        self._speaking, self._too_long = True, False
        self._onset_ns = frame.onset_ns
        if over_reply and not self.interruptible:
            return ()
        if self.state is State.SPEAKING and frame.at_ns >= frame.onset_ns + self._rules.barge_in.duck_after:
            return self._step(Event.DUCK_DUE)
        return self._step(Event.SPEECH_STARTED)

    def _on_speech_resumed(self, frame: SpeechResumed) -> tuple[Action, ...]:
        if self._rules.strategy == "push_to_talk" or self._too_long:
            return ()
        if self.state is State.ENDPOINTING:
            self._waits.note_pause(frame.at_ns - self._end_of_speech_ns)
        self._speaking = True
        if self.state in REPLYING and not self.interruptible:
            return ()
        return self._step(Event.SPEECH_RESUMED)

    def _on_pause(self, frame: SpeechPaused | SpeechStopped) -> tuple[Action, ...]:
        self._end_of_speech_ns = frame.offset_ns
        if self._rules.strategy == "push_to_talk":
            return ()
        self._speaking = False
        self.silence.since_ns = max(self.silence.since_ns, frame.offset_ns)
        actions = self._step(Event.SPEECH_PAUSED)
        return actions + (self._draft() if self._said.final else ()) + self._settle()

    def _on_transcript(self, frame: Transcript) -> tuple[Action, ...]:
        if not self._said.note(frame):
            return ()
        self._partials = self._partials or (bool(frame.text) and not frame.final)
        if self.state in REPLYING:
            return self._settle()
        known = bool(self._said.text) or (self._rules.late_words and not frame.final)
        if frame.ends_turn and self._rules.strategy == "provider" and known:
            self._wait_over_ns = frame.at_ns
            return self._step(Event.WAIT_OVER_WITH_WORDS)
        if self.state is State.TRANSCRIBING:
            return self._decide()
        early = frame.final or self._rules.early_drafts
        return (self._draft() if early else ()) + self._settle()

    def _draft(self) -> tuple[Action, ...]:
        """The words so far may be all of them."""
        wanted = self._rules.drafts and self.state is State.ENDPOINTING and not self._is_backchannel()
        return self._step(Event.DRAFTABLE) if wanted and self._drafts.begin(self.words) else ()

    def _on_typed(self, frame: TypedText) -> tuple[Action, ...]:
        text = frame.text.strip()
        if not text:  # the Enter key alone isn't a turn
            return ()
        self._typed.append(text)
        self.silence.since_ns = frame.at_ns
        return self._step(Event.TYPED)

    def _on_talk(self, frame: Talk) -> tuple[Action, ...]:
        if self._rules.strategy != "push_to_talk":
            return ()
        self._speaking = frame.pressed
        if frame.pressed:
            self._onset_ns, self._released_ns, self._too_long = frame.at_ns, None, False
            return self._step(Event.PRESSED)
        self._released_ns = self.silence.since_ns = frame.at_ns
        return self._step(Event.RELEASED)

    def _on_speech_too_long(self, now: int) -> tuple[Action, ...]:
        """It is answered with the words that are known, and until it begins anew it interrupts nothing."""
        self._too_long, self._speaking = True, False
        self._end_of_speech_ns = self.silence.since_ns = now
        return self._step(Event.SPEECH_TOO_LONG)

    # ── the end of the caller's turn ─────────────────────────────────────────────────────────────

    def _decide(self) -> tuple[Action, ...]:
        if not self._said.final and not self._too_long:
            lasted = self._end_of_speech_ns - self._said.onset_ns
            known = self._rules.late_words and lasted >= LONGEST_COUGH
            return self._step(Event.WAIT_OVER_WITH_WORDS if known else Event.WAIT_OVER_TOO_SOON)
        if self._typed or (self._said.text and not self._is_backchannel()):
            return self._step(Event.WAIT_OVER_WITH_WORDS)
        return self._step(Event.WORDS_LOST if self._lost else Event.WAIT_OVER_WITHOUT_WORDS)

    def _is_backchannel(self) -> bool:
        """Whether it only showed that the caller listened to a reply, which has ended meanwhile."""
        if not (self._said.all_over_reply and self._rules.barge_in.ignore_backchannels) or self._asks():
            return False
        return self._classify() in (Said.BACKCHANNEL, Said.NOTHING)

    def _classify(self) -> Said:
        said, phrases = self._said, self._rules.barge_in.safety_phrases
        return classify(said.text, self._rules.language, phrases, final=said.final)

    # ── a sound while the agent thinks or speaks ─────────────────────────────────────────────────

    def _settle(self) -> tuple[Action, ...]:
        """Something more is known: decide what can be decided, and set the deadline anew."""
        actions: tuple[Action, ...] = ()
        if self.state in REPLYING and self._said.any:
            actions = self._judge()
        self.deadline = self._deadline()
        return actions

    def _judge(self) -> tuple[Action, ...]:
        """Is it an interruption? By its words; without any, by how long it lasts (``on_deadline``)."""
        said = self._classify()
        if said is Said.SAFETY:
            return self._confirm()
        if not self.interruptible:
            return ()
        if said is Said.WORDS or (said is Said.BACKCHANNEL and self._backchannels_count()):
            return self._confirm()
        if self._speaking or not self._said.final:
            return ()
        return self._ignore("no_words" if said is Said.NOTHING else "backchannel")

    def _backchannels_count(self) -> bool:
        thinking = self.state in THINKING or self.state is State.HELD
        return thinking or not self._rules.barge_in.ignore_backchannels or self._asks()

    def _confirm(self) -> tuple[Action, ...]:
        self._said.own()
        return self._step(Event.INTRUSION_CONFIRMED if self._speaking else Event.INTRUSION_CONFIRMED_OVER)

    def _ignore(self, reason: IgnoredReason) -> tuple[Action, ...]:
        self.ignored = Ignored(self._said.latest, self._said.text, reason)
        self._said.close_final()
        self._lost = False
        return self._step(Event.INTRUSION_IGNORED_TOOL if self._tool else Event.INTRUSION_IGNORED)

    # ── the reply ────────────────────────────────────────────────────────────────────────────────

    def _on_heard(self, frame: Heard) -> tuple[Action, ...]:
        if not frame.final:
            return self._step(Event.HEARD)
        self.silence.since_ns = frame.at_ns
        if self._to_repeat:
            return self._step(Event.REPLY_ENDED_TO_REPEAT)
        event = self._by_caller(Event.REPLY_ENDED, Event.REPLY_ENDED_SPEAKING, Event.REPLY_ENDED_SPOKE)
        empty = not self._sounded and not self._tool_used and self.state is not State.ERROR
        return self._step(Event.REPLY_ENDED_EMPTY if empty and event is Event.REPLY_ENDED else event)

    def _by_caller(self, silent: Event, speaking: Event, spoke: Event) -> Event:
        return speaking if self._speaking else spoke if self._said.any else silent

    # ── the table and the deadline ───────────────────────────────────────────────────────────────

    def _step(self, event: Event) -> tuple[Action, ...]:
        cell = TABLE[event][self.state]
        if cell.state is not None:
            self.state = cell.state
        for action in cell.actions:
            if action in (Action.FINISH, Action.INTERRUPT, Action.FAIL, Action.REPEAT_LATER):
                self._to_repeat = action is Action.REPEAT_LATER
            elif action is Action.DISCARD:
                self._drafts.drop()
        self.deadline = self._deadline()
        return cell.actions

    def _deadline(self) -> int | None:
        barge_in, speaking = self._rules.barge_in, self._speaking
        match self.state:
            case State.LISTENING if speaking:
                return self._onset_ns + self._rules.max_speech
            case State.ENDPOINTING:
                return self._end_of_turn()
            case State.SPEAKING if speaking and self.interruptible:
                return self._onset_ns + barge_in.duck_after
            case State.DUCKED if speaking:
                return self._onset_ns + barge_in.pause_after
            case State.PAUSED | State.HELD if speaking:
                return self._enough_speech()
            case State.DUCKED | State.PAUSED | State.HELD:
                return self._end_of_speech_ns + VERDICT
            case State.ERROR if self._sounded:  # an apology is heard to its end
                return None
            case State.TRANSCRIBING if self._rules.late_words:
                return self._end_of_speech_ns + VERDICT
            case State.TRANSCRIBING | State.PROCESSING | State.WAITING_FOR_TOOL | State.ERROR:
                return self.silence.deadline
            case _:
                return None

    def _end_of_turn(self) -> int:
        if self._released_ns is not None:
            return self._released_ns if self._said.any and self._said.final else self._released_ns + KEY_LAG
        return self._end_of_speech_ns + self._waits.wait_ns(self.words, self._prosody, self.asked)

    def _enough_speech(self) -> int | None:
        """When a sound has lasted for long enough to be an interruption whatever its words are."""
        barge_in = self._rules.barge_in
        said = self._classify() if self._said.any else Said.NOTHING
        if said is Said.BACKCHANNEL and self.state in AUDIBLE:
            return self._onset_ns + max(barge_in.commit_after, LONGEST_BACKCHANNEL)
        after = barge_in.commit_after if self.state in AUDIBLE else barge_in.thinking_commit_after
        return self._onset_ns + after + (WORDS_LAG if self._partials else 0)
