"""Anything may come next, at any time: what holds of the policy nevertheless."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.support.caller_turns import Shell
from voicepipe.core.units import MS, SECOND
from voicepipe.speech.policy import State
from voicepipe.speech.turn_rules import MAX_NOTICES, VERDICT
from voicepipe.speech.turn_table import REPLYING, Action

DEAD_AIR = 4 * SECOND
PATIENT = (State.IDLE, State.LISTENING, State.SPEAKING)
"""States that wait for the caller, the VAD and the loudspeaker."""


class Witness(Shell):
    """Keeps the turn ids as the turn stage does, and knows what may not be."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(drafts=True, early_drafts=True, dead_air=DEAD_AIR, **settings)
        self.live = False
        self.draft = False
        self.begun = self.ended = 0

    def _perform(self, actions: tuple[Action, ...]) -> None:
        for action in actions:
            if action in (Action.COMMIT, Action.REPEAT, Action.APOLOGISE, Action.SAY_RECONNECTED):
                assert not self.live, "no turn begins while a reply is live"
                self.live, self.draft = True, False
                self.begun += 1
            elif action is Action.DRAFT:
                assert not self.live, "no draft is made while a reply is live"
                self.draft = True
            elif action is Action.DISCARD:
                self.draft = False
            elif action in (Action.INTERRUPT, Action.FINISH, Action.FAIL):
                assert self.live, "only a live turn can end"
                self.live = False
                self.ended += 1
            elif action in (Action.DUCK, Action.PAUSE, Action.RESUME, Action.ASK_FOR_PATIENCE):
                assert self.live, "only a live reply can be ducked, paused or resumed"
        super()._perform(actions)


class AnyCall(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.shell = Witness()
        self.in_speech = False
        self.untold: list[int] = []
        self.said: set[str] = set()

    @initialize(
        strategy=st.sampled_from(["silence", "adaptive", "push_to_talk", "provider"]),
        asks=st.booleans(),
        interruptible=st.booleans(),
        greets=st.booleans(),
    )
    def the_call_begins(self, strategy: Any, asks: bool, interruptible: bool, greets: bool) -> None:
        self.shell = Witness(strategy=strategy, asks=asks)
        self.shell.interruptible = interruptible
        if greets:
            self.shell.greets()

    # ── the caller ───────────────────────────────────────────────────────────────────────────────

    @precondition(lambda self: not self.in_speech)
    @rule()
    def speech_starts(self) -> None:
        self.shell.after(64)
        self.in_speech = True
        self.shell.speaks(ago=64)
        self.untold.append(self.shell.utterance)

    @precondition(lambda self: self.in_speech)
    @rule(resumes=st.booleans())
    def speech_pauses(self, resumes: bool) -> None:
        self.shell.pauses()
        if resumes:
            self.shell.after(32).resumes()
        else:
            self.shell.after(96).stops()
            self.in_speech = False

    @precondition(lambda self: self.untold)
    @rule(
        data=st.data(),
        text=st.sampled_from(["", "okay", "stop", "where is", "[unrecognised speech]"]),
        final=st.booleans(),
        ends_turn=st.booleans(),
    )
    def a_transcript_comes(self, data: st.DataObject, text: str, final: bool, ends_turn: bool) -> None:
        utterance = data.draw(st.sampled_from(self.untold))
        if self.in_speech and utterance == self.untold[-1]:
            final = False
        if final:
            self.untold.remove(utterance)
        if text == "where is":
            text = f"where is order{utterance}"
            self.said.add(f"order{utterance}")
        latest, self.shell.utterance = self.shell.utterance, utterance
        self.shell.says(text, final=final, ends_turn=final and ends_turn)
        self.shell.utterance = latest

    @rule()
    def a_line_is_typed(self) -> None:
        word = f"typed{len(self.said)}"
        self.said.add(word)
        self.shell.types(word)

    @rule(
        do=st.sampled_from(
            [Shell.wants_repeat, Shell.presses, Shell.lets_go, lambda shell: shell.policy.lose_draft()]
        )
    )
    def something_else_happens(self, do: Any) -> None:
        do(self.shell)

    # ── the reply ────────────────────────────────────────────────────────────────────────────────

    @precondition(lambda self: self.shell.live)
    @rule(
        do=st.sampled_from(
            [
                Shell.plays,
                Shell.runs_dry,
                Shell.ends,
                Shell.fails,
                Shell.skips,
                lambda shell: shell.waits_for("find"),
                lambda shell: shell.waits_for(),
                lambda shell: shell.recovers("llm"),
                lambda shell: shell.has_recovered("llm"),
            ]
        )
    )
    def the_reply_goes_on(self, do: Any) -> None:
        do(self.shell)

    @rule(do=st.sampled_from([Shell.recovers, Shell.has_recovered, Shell.loses_words]))
    def the_recogniser_is_in_trouble(self, do: Any) -> None:
        do(self.shell, "stt")

    @rule(ms=st.integers(1, 3000))
    def time_passes(self, ms: int) -> None:
        self.shell.after(ms)

    # ── what holds ───────────────────────────────────────────────────────────────────────────────

    @invariant()
    def the_state_says_whether_a_turn_is_live(self) -> None:
        assert self.shell.live == (self.shell.state in (*REPLYING, State.ERROR))

    @invariant()
    def every_turn_that_began_ends_once(self) -> None:
        assert self.shell.ended + self.shell.live == self.shell.begun

    @invariant()
    def a_draft_lives_only_while_a_pause_may_be_the_end(self) -> None:
        assert not self.shell.draft or self.shell.state in (State.ENDPOINTING, State.TRANSCRIBING)

    @invariant()
    def every_state_has_a_deadline_or_something_to_wait_for(self) -> None:
        """A caller who is listened to is speaking: or else nothing would ever be expected of them."""
        state, deadline = self.shell.state, self.shell.policy.deadline
        if not self._apology_is_heard and (state is State.LISTENING or state not in PATIENT):
            assert deadline is not None, f"{state} waits for nothing"
        if state is State.IDLE:
            assert deadline is None

    @property
    def _apology_is_heard(self) -> bool:
        policy = self.shell.policy
        return policy.state is State.ERROR and policy.deadline is None and policy._sounded

    @invariant()
    def nothing_is_answered_twice_or_made_up(self) -> None:
        words = [word for turn in self.shell.turns for word in turn.text.split()]
        answered = [word for word in words if word.startswith(("typed", "order"))]
        assert len(set(answered)) == len(answered)
        assert set(answered) <= self.said

    def teardown(self) -> None:
        """Whatever has happened: when nothing more does, the call comes to rest."""
        shell = self.shell
        if self.in_speech:
            shell.pauses().stops()
        shell.lets_go()
        for _ in range(4):  # the reply, the words said over it, and a reply to those
            if shell.state in (State.SPEAKING, State.DUCKED, State.PAUSED):
                shell.after(VERDICT // MS)
            if shell.state is State.SPEAKING or self._apology_is_heard:
                shell.ends()
            if shell.policy.state is State.WAITING_FOR_TOOL:
                shell.waits_for()
            shell.after((MAX_NOTICES + 2) * DEAD_AIR // MS)
        assert shell.state is State.IDLE


TestAnyCall = AnyCall.TestCase
TestAnyCall.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
