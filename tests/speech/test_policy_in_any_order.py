from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.support.caller_turns import REPLYING, failed, heard, policy, started, stopped, transcript, typed
from voicepipe.core.frames import (
    PlaybackStarted,
    ProviderBegan,
    Repeat,
    Skip,
    ToolWaiting,
)
from voicepipe.core.units import MS
from voicepipe.speech.policy import Action, State

# ── any order of events ──────────────────────────────────────────────────────────────────────────


class AnyCall(RuleBasedStateMachine):
    """A shell that does what the policy says, and a world in which anything may come next."""

    def __init__(self) -> None:
        super().__init__()
        self.policy = policy()
        self.now = 0
        self.live: int | None = None
        self.begun = self.ended = 0
        self.position = 0
        self.in_speech = False
        self.untold: list[int] = []
        self.due: list[str] = []
        self.answered: list[str] = []

    def perform(self, actions: tuple[Action, ...]) -> None:
        for action in actions:
            if action is Action.COMMIT:
                assert self.live is None, "no turn is prepared while a reply is live"
                self.begun += 1
                self.live = self.begun
                self.answered += self.policy.take_turn().text.split()
            elif action is Action.REPEAT:
                assert self.live is None, "no turn is prepared while a reply is live"
                self.begun += 1
                self.live = self.begun
            elif action is Action.FORGET:
                assert self.policy.take_turn().text == ""
            elif action in (Action.INTERRUPT, Action.FINISH, Action.FAIL):
                assert self.live is not None, "only a live turn can end"
                self.live = None
                self.ended += 1

    def take(self, frame: Any) -> None:
        self.perform(self.policy.on(frame))

    @precondition(lambda self: not self.in_speech)
    @rule()
    def speech_starts(self) -> None:
        self.position += 16000
        self.in_speech = True
        self.untold.append(self.position)
        self.take(started(self.position, self.now))

    @precondition(lambda self: self.in_speech)
    @rule()
    def speech_stops(self) -> None:
        self.in_speech = False
        self.take(stopped(offset_ns=self.now))

    @precondition(lambda self: self.untold)
    @rule(data=st.data(), words=st.booleans(), final=st.booleans())
    def transcript_comes(self, data: st.DataObject, words: bool, final: bool) -> None:
        utterance = data.draw(st.sampled_from(self.untold))
        if self.in_speech and utterance == self.position:
            final = False
        if final:
            self.untold.remove(utterance)
            if words:
                self.due.append(f"spoken{utterance}")
        self.take(transcript(utterance, f"spoken{utterance}" if words else "", final=final))

    @precondition(lambda self: self.position)
    @rule(data=st.data())
    def transcript_of_an_answered_utterance_comes(self, data: st.DataObject) -> None:
        if self.live is not None:
            utterance = data.draw(st.integers(1, self.position // 16000)) * 16000
            self.take(transcript(utterance, "stale"))

    @rule()
    def repeat_is_wanted(self) -> None:
        self.take(Repeat(at_ns=0))

    @rule()
    def line_is_typed(self) -> None:
        word = f"typed{len(self.due)}"
        self.due.append(word)
        self.take(typed(word))

    @rule(step=st.integers(1, 700))
    def time_passes(self, step: int) -> None:
        self.now += step * MS
        if self.policy.deadline is not None and self.now >= self.policy.deadline:
            self.perform(self.policy.on_deadline(self.now))

    @precondition(lambda self: self.live is not None)
    @rule(
        make=st.sampled_from(
            [
                lambda turn: PlaybackStarted(turn=turn, at_ns=0),
                lambda turn: ProviderBegan(turn=turn, stage="llm", at_ns=0),
                lambda turn: ToolWaiting(turn=turn, on=("a",), at_ns=0),
                lambda turn: ToolWaiting(turn=turn, on=(), at_ns=0),
                lambda turn: heard(final=False),
                lambda turn: heard(final=True),
                lambda turn: failed(),
                lambda turn: Skip(turn=turn, at_ns=0),
            ]
        )
    )
    def the_reply_goes_on(self, make: Any) -> None:
        self.take(make(self.live))

    @invariant()
    def the_state_says_whether_a_reply_is_live(self) -> None:
        assert (self.live is not None) == (self.policy.state in REPLYING)

    @invariant()
    def every_turn_that_began_ends_once(self) -> None:
        assert self.ended + (self.live is not None) == self.begun

    @invariant()
    def the_deadline_stands_only_while_a_pause_may_be_the_end(self) -> None:
        assert (self.policy.deadline is not None) == (self.policy.state is State.ENDPOINTING)

    @invariant()
    def nothing_that_was_said_is_lost_or_answered_twice(self) -> None:
        assert len(set(self.answered)) == len(self.answered)
        assert set(self.answered) <= set(self.due)
        if self.policy.state in (State.IDLE, *REPLYING):
            assert set(self.answered) == set(self.due)


TestAnyCall = AnyCall.TestCase
