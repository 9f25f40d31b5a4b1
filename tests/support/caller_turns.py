"""What happens in a call, as the turn policy is told of it, and a shell that only keeps notes."""

from __future__ import annotations

from typing import Any

from voicepipe.core.frames import (
    Heard,
    PlaybackStarted,
    PlaybackStopped,
    Prosody,
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
from voicepipe.core.units import MS
from voicepipe.errors import ProviderError
from voicepipe.speech.policy import State, TurnPolicy
from voicepipe.speech.turn_rules import BargeIn, CallerTurn, Rules
from voicepipe.speech.turn_table import Action
from voicepipe.speech.waits import Strategy, Waits

MIN_SILENCE = 500 * MS
MAX_WAIT = 2000 * MS
LAG = 64 * MS
"""How long after the end of speech the first sign of it comes."""

RATE = 16_000


class Shell:
    """Lets time pass and rings at each deadline; what the policy wants is noted, with its time in ms.

    ``at`` is the time in milliseconds. A reply begins as soon as it is due, and isn't heard before
    ``plays``.
    """

    def __init__(
        self,
        *,
        strategy: Strategy = "silence",
        barge_in: BargeIn | None = None,
        asks: bool = False,
        **rules: Any,
    ) -> None:
        waits = Waits(strategy=strategy, min_silence=MIN_SILENCE, max_wait=MAX_WAIT)
        self.asks = asks
        self.policy = TurnPolicy(
            Rules(strategy=strategy, barge_in=barge_in or BargeIn(), **rules), waits, asks=lambda: self.asks
        )
        self.at = 0
        self.interruptible = True
        self.log: list[tuple[int, Action]] = []
        self.turns: list[CallerTurn] = []
        self.drafts: list[str] = []
        self.turn = 0
        self.utterance = 0
        """The position of the latest onset."""

    # ── time ─────────────────────────────────────────────────────────────────────────────────────

    @property
    def now(self) -> int:
        return self.at * MS

    @property
    def state(self) -> State:
        return self.policy.state

    def until(self, at: float) -> Shell:
        """Let time pass."""
        while self.policy.deadline is not None and self.policy.deadline <= at * MS:
            self.at = max(self.at, -(-self.policy.deadline // MS))
            before = self.policy.state, self.policy.deadline
            self._perform(self.policy.on_deadline(self.now))
            assert (self.policy.state, self.policy.deadline) != before, "it would ring for ever"
        self.at = round(at)
        return self

    def after(self, ms: float) -> Shell:
        return self.until(self.at + ms)

    def take(self, frame: Any) -> Shell:
        self._perform(self.policy.on(frame))
        return self

    # ── the caller ───────────────────────────────────────────────────────────────────────────────

    def speaks(self, *, ago: int = 0) -> Shell:
        """Speech began ``ago`` milliseconds ago, and is noticed now."""
        self.utterance = position = (self.at - ago) * RATE // 1000
        onset = self.now - ago * MS
        return self.take(
            SpeechStarted(position=position, audio_from=position, onset_ns=onset, at_ns=self.now)
        )

    def pauses(self) -> Shell:
        """Speech has ended, and ``LAG`` later that is noticed."""
        end = self.now
        self.until(self.at + LAG // MS)
        position = end * RATE // 1_000_000_000
        self.take(
            Prosody(
                position=position,
                pitch_slope=None,
                pitch_height=None,
                level_fall=0.0,
                voiced_ms=0,
                at_ns=self.now,
            )
        )
        return self.take(SpeechPaused(position=position, offset_ns=end, at_ns=self.now))

    def resumes(self) -> Shell:
        return self.take(SpeechResumed(position=self.at * RATE // 1000, at_ns=self.now))

    def stops(self, *, ago: int = 160) -> Shell:
        """It is certain that speech ended ``ago`` milliseconds ago."""
        end = self.now - ago * MS
        return self.take(SpeechStopped(position=self.utterance + 1, offset_ns=end, at_ns=self.now))

    def says(self, text: str, *, final: bool = True, ends_turn: bool = False) -> Shell:
        """The recogniser's hypothesis of the latest speech."""
        return self.take(
            Transcript(
                utterance=self.utterance,
                revision=0,
                text=text,
                final=final,
                at_ns=self.now,
                ends_turn=ends_turn,
            )
        )

    def asks_for(self, text: str) -> Shell:
        """Speaks for a second, is understood, and waits to be answered."""
        return self.speaks().after(1000).pauses().says(text).after(MAX_WAIT // MS)

    def utters(self, text: str, ms: float) -> Shell:
        """A sound of ``ms``, whose words are known 100 ms after its first sign of an end."""
        return self.speaks().after(ms).pauses().after(100).says(text)

    def types(self, text: str) -> Shell:
        return self.take(TypedText(text=text, at_ns=self.now))

    def presses(self) -> Shell:
        return self.take(Talk(pressed=True, at_ns=self.now))

    def lets_go(self) -> Shell:
        return self.take(Talk(pressed=False, at_ns=self.now))

    def skips(self) -> Shell:
        return self.take(Skip(turn=self.turn, at_ns=self.now))

    def wants_repeat(self) -> Shell:
        return self.take(Repeat(at_ns=self.now))

    # ── the reply ────────────────────────────────────────────────────────────────────────────────

    def greets(self) -> Shell:
        self._perform(self.policy.greet(self.now))
        return self

    def plays(self) -> Shell:
        return self.take(PlaybackStarted(turn=self.turn, at_ns=self.now))

    def runs_dry(self) -> Shell:
        return self.take(PlaybackStopped(turn=self.turn, at_ns=self.now))

    def waits_for(self, *tools: str) -> Shell:
        return self.take(ToolWaiting(turn=self.turn, on=tools, at_ns=self.now))

    def ends(self) -> Shell:
        return self.take(Heard(turn=self.turn, segment=None, samples=0, final=True, at_ns=self.now))

    # ── stages in trouble ────────────────────────────────────────────────────────────────────────

    def recovers(self, stage: str) -> Shell:
        """A call of ``stage`` has failed and is tried again."""
        turn = None if stage in ("stt", "realtime") else self.turn
        return self.take(Recovering(turn=turn, stage=stage, at_ns=self.now))

    def has_recovered(self, stage: str) -> Shell:
        turn = None if stage in ("stt", "realtime") else self.turn
        return self.take(Recovered(turn=turn, stage=stage, at_ns=self.now))

    def loses_words(self, stage: str = "stt") -> Shell:
        """The recogniser has failed with an utterance for good."""
        error = ProviderError("gone", provider=stage, kind="connection")
        return self.take(TurnFailed(turn=None, stage=stage, error=error, at_ns=self.now))

    def fails(self) -> Shell:
        error = ProviderError("gone", provider="openai", kind="connection")
        return self.take(TurnFailed(turn=self.turn, stage="llm", error=error, at_ns=self.now))

    # ── the notes ────────────────────────────────────────────────────────────────────────────────

    @property
    def done(self) -> list[Action]:
        return [action for _, action in self.log]

    def forget_log(self) -> Shell:
        self.log.clear()
        return self

    def _perform(self, actions: tuple[Action, ...]) -> None:
        for action in actions:
            self.log.append((self.at, action))
            if action is Action.COMMIT:
                self.turns.append(self.policy.take_turn())
            elif action is Action.DRAFT:
                self.drafts.append(self.policy.words)
            elif action is Action.FORGET:
                self.policy.take_turn()
            if action in (Action.COMMIT, Action.REPEAT, Action.APOLOGISE, Action.SAY_RECONNECTED):
                self.turn += 1
                self.policy.begin_reply(interruptible=self.interruptible)


def speaking(**settings: Any) -> Shell:
    """A reply is being spoken; nothing is noted of how it came to that."""
    shell = Shell(**settings).types("hello").after(300).plays().after(1000)
    return shell.forget_log()


def thinking(**settings: Any) -> Shell:
    """A reply is being prepared."""
    return Shell(**settings).types("hello").after(300).forget_log()
