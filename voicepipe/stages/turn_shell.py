"""The shell around ``speech.policy``: frames in, actions out, and one timer."""

from __future__ import annotations

import asyncio
from typing import Any

from voicepipe.core.frames import (
    CallerIdle,
    Gain,
    Heard,
    Notice,
    Pause,
    PlaybackStarted,
    Prosody,
    ProviderBegan,
    Repeat,
    SpeechPaused,
    SpeechResumed,
    SpeechStarted,
    SpeechStopped,
    Talk,
    ToolWaiting,
    Transcript,
    TurnFailed,
    TypedText,
    Upward,
    UserTurn,
)
from voicepipe.core.inbox import Inbox, Outlet
from voicepipe.core.records import DeadAir, Failed, StateChanged
from voicepipe.core.units import format_duration
from voicepipe.speech.notices import FAILED, NOT_HEARD, RECONNECTED, WAIT
from voicepipe.speech.policy import TurnPolicy
from voicepipe.speech.turn_rules import Rules
from voicepipe.speech.turn_table import Action, State
from voicepipe.speech.waits import Waits
from voicepipe.stages.base import StageContext
from voicepipe.stages.replies import PatienceOver, Replies

DUCKED_DB = -15.0
"""Quiet enough to be talked over, loud enough for the caller to hear that the agent is still there."""

NEARLY_ASKED = 3
"""Words of a question that need not have been heard for a "yes" to be its answer."""

FromCaller = (
    SpeechStarted | SpeechPaused | SpeechResumed | SpeechStopped | Prosody | Transcript | TypedText | Talk
)


class _TimerRang(Upward):
    """The policy's deadline has come; sent by the stage to itself."""

    __slots__ = ()


class TurnShell:
    """Of one session. ``take`` each frame; ``over`` tells when the call has come to its end."""

    def __init__(
        self, rules: Rules, waits: Waits, ctx: StageContext, inbox: Inbox[Any], out: Outlet[UserTurn]
    ) -> None:
        self._policy = TurnPolicy(rules, waits, asks=self._asks)
        self._replies = Replies(self._policy, ctx, inbox, out)
        self._ctx = ctx
        self._inbox = inbox
        self._noted = self._policy.state
        self._timer: asyncio.TimerHandle | None = None
        self._armed: int | None = None
        fused = Transcript in ctx.told
        self._hears, self._thinks, self._speaks = ("realtime",) * 3 if fused else ("stt", "llm", "tts")
        self._awaited = self._thinks
        """The stage that the next sound of the reply depends on."""
        self._tools: tuple[str, ...] = ()
        self._hung_up = False

    async def greet(self, words: str, *, interruptible: bool) -> None:
        self._policy.greet(self._ctx.clock.now())
        await self._replies.greet(words, interruptible=interruptible)
        self._settle()

    async def take(self, frame: FromCaller | Upward) -> None:
        replies = self._replies
        if isinstance(frame, Heard):
            replies.note_heard(frame)
        elif isinstance(frame, Transcript):
            replies.note_words(frame)
        elif isinstance(frame, CallerIdle):
            await self._speak_up(frame.at_ns)
            return
        elif isinstance(frame, PatienceOver):
            await replies.lose_patience(hung_up=self._hung_up)
            return
        elif isinstance(frame, TurnFailed) and frame.turn is None:
            self._ctx.record(Failed(at_ns=frame.at_ns, stage=frame.stage, error=str(frame.error)))
        if not (self._hung_up or replies.is_of_draft(frame) or self._is_pointless(frame)):
            if isinstance(frame, TurnFailed) and await replies.begin_anew(frame):
                self._settle()
            elif not replies.aside.takes(frame):
                await self._follow_policy(frame)
        await replies.answer_if_known()

    async def _speak_up(self, at_ns: int) -> None:
        """A turn without words, if nothing else is going on."""
        if self._policy.state is State.IDLE and not self._hung_up:
            self._policy.greet(at_ns)
            await self._replies.speak_up()
            self._settle()

    def hang_up(self) -> None:
        """The call is over. What was heard of the reply is still to come from playout."""
        self._hung_up = True
        self._stop_timer()
        self._replies.hang_up()

    @property
    def over(self) -> bool:
        return self._hung_up and not self._replies.ending

    def close(self) -> None:
        """However the call ended: every turn that began has its end in the log."""
        self._stop_timer()
        self._replies.close()

    # ── the policy ───────────────────────────────────────────────────────────────────────────────

    async def _follow_policy(self, frame: FromCaller | Upward) -> None:
        self._note_awaited(frame)
        if isinstance(frame, _TimerRang):
            actions = self._policy.on_deadline(frame.at_ns)
        else:
            actions = self._policy.on(frame)  # type: ignore[arg-type]  # the union of all upward frames
        error = str(frame.error) if isinstance(frame, TurnFailed) else None
        for action in actions:
            if action is Action.APOLOGISE:
                await self._replies.apologise(FAILED if Action.FAIL in actions else NOT_HEARD)
            elif action is Action.COMMIT:
                await self._commit()
            else:
                await self._perform(action, error)
        self._settle()

    def _settle(self) -> None:
        """Note a new state, and arm the timer for the policy's deadline if that has changed."""
        policy = self._policy
        if policy.state is not self._noted:
            self._noted = policy.state
            self._ctx.record(StateChanged(at_ns=self._ctx.clock.now(), state=self._noted.value))
        if policy.deadline != self._armed and not self._hung_up:
            self._arm(policy.deadline)

    def _is_pointless(self, frame: FromCaller | Upward) -> bool:
        """Whether it is of a dead turn or of a tap, or wants to hear again what never was."""
        turn, live = getattr(frame, "turn", None), self._ctx.turns.live
        if isinstance(frame, Repeat):
            return not self._replies.repeatable and live is None
        return (turn is not None and turn != live) or "/" in getattr(frame, "stage", "")

    def _asks(self) -> bool:
        """Whether the agent is about to have asked a question, or has asked one."""
        live, conversation = self._ctx.turns.live, self._ctx.conversation
        if live is None:
            return self._policy.asked.rstrip().endswith("?")
        said = conversation.said(live)
        unheard = len(said.split()) - len(conversation.heard(live).split())
        return said.rstrip().endswith("?") and unheard <= NEARLY_ASKED

    async def _commit(self) -> None:
        """What has happened to a draft before its commit, the policy hears of now."""
        early = await self._replies.commit(self._policy.take_turn())
        self._awaited, self._tools = self._thinks, ()
        for frame in early:
            await self._follow_policy(frame)

    async def _perform(self, action: Action, error: str | None) -> None:
        replies = self._replies
        match action:
            case Action.DRAFT:
                await replies.draft(self._policy.words, self._policy.utterances)
            case Action.DISCARD:
                replies.discard()
                replies.aside.end()
            case Action.SAY_WAIT:
                replies.say_aside(WAIT)
            case Action.SAY_RECONNECTED:
                await replies.apologise(RECONNECTED)
            case Action.FORGET:
                self._policy.take_turn()
            case Action.DUCK:
                replies.tell(lambda turn: Gain(turn=turn, db=DUCKED_DB))
            case Action.PAUSE:
                replies.pause()
                replies.tell(lambda turn: Pause(turn=turn))
            case Action.RESUME:
                replies.resume()
            case Action.INTERRUPT:
                replies.kill("interrupted")
            case Action.FAIL:
                replies.kill("failed", error or self._blame(f"{self._at_fault()} gave nothing to be heard"))
            case Action.FINISH:
                replies.finish()
            case Action.NOTE_DEAD_AIR:
                self._note_dead_air()
            case Action.ASK_FOR_PATIENCE:
                replies.tell(lambda turn: Notice(turn=turn, name=WAIT, last=False))
            case Action.REPEAT:
                await replies.repeat()
            case _:
                pass  # REPEAT_LATER: the policy knows it

    def _arm(self, deadline: int | None) -> None:
        self._stop_timer()
        if deadline is None:
            return
        clock = self._ctx.clock

        def ring() -> None:
            # Loops ring up to their clock's resolution too early, but it is this deadline that has come.
            self._armed = None
            self._inbox.send_control(_TimerRang(at_ns=max(deadline, clock.now())))

        self._armed = deadline
        self._timer = clock.call_at(deadline, ring)

    def _stop_timer(self) -> None:
        self._armed = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # ── what goes wrong ──────────────────────────────────────────────────────────────────────────

    def _note_awaited(self, frame: FromCaller | Upward) -> None:
        if isinstance(frame, ProviderBegan):
            self._awaited = self._speaks if frame.stage == self._thinks else frame.stage
        elif isinstance(frame, ToolWaiting):
            self._tools, self._awaited = frame.on, self._thinks
        elif isinstance(frame, PlaybackStarted) and not frame.filler:
            self._awaited = self._speaks

    def _at_fault(self) -> str:
        if self._ctx.turns.live is None:
            return self._hears
        if self._tools:
            return f"tool {', '.join(self._tools)}"
        return self._ctx.waited_for(self._ctx.turns.live) or self._awaited

    def _blame(self, why: str) -> str:
        if not self._tools:
            self._ctx.blame(self._ctx.turns.live, why)
        return why

    def _note_dead_air(self) -> None:
        silent_ns = self._policy.silence.lasted_ns
        self._blame(f"nothing was heard for {format_duration(silent_ns)}")
        self._ctx.record(
            DeadAir(
                at_ns=self._ctx.clock.now(),
                turn=self._ctx.turns.live,
                stage=self._at_fault(),
                silent_ns=silent_ns,
            )
        )
