"""The turn stage: the shell around ``speech.policy``, and the only one to change the turn ids."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import ClassVar, Literal

from pydantic import Field

from voicepipe.core.frames import (
    Commit,
    Heard,
    Interrupt,
    Repeat,
    Shutdown,
    SpeechStarted,
    SpeechStopped,
    Transcript,
    TurnFailed,
    TypedText,
    Upward,
    UserTurn,
)
from voicepipe.core.inbox import Inbox, Outlet
from voicepipe.core.records import Failed, StateChanged, TurnBegan, TurnEnded, TurnStatus
from voicepipe.core.units import MS, SECOND, Duration
from voicepipe.speech.policy import Action, CallerTurn, TurnPolicy
from voicepipe.stages.base import Stage, StageConfig, StageContext

HEARD_PATIENCE = 100 * MS
"""How long the next turn waits to learn what was heard of the reply that it has cut off."""

HANG_UP_PATIENCE = SECOND
"""How long the end of a call waits for that: a loudspeaker that hangs must not keep the call alive."""

_Input = SpeechStarted | SpeechStopped | Transcript | TypedText


class TurnConfig(StageConfig):
    strategy: Literal["silence"] = Field("silence", description="how the end of the caller's turn is found")
    min_silence: Duration = Field(
        500 * MS, ge=0, le=10 * SECOND, description="silence after which the turn is over"
    )


class TurnStage(Stage):
    kind: ClassVar[str] = "turn"
    Config: ClassVar[type[StageConfig]] = TurnConfig
    config: TurnConfig

    async def run(
        self,
        ctx: StageContext,
        inbox: Inbox[SpeechStarted | SpeechStopped | Transcript | TypedText],
        out: Outlet[UserTurn],
    ) -> None:
        shell = _Shell(self.config, ctx, inbox, out)
        try:
            if self.agent.greeting:
                await shell.greet(self.agent.greeting)
            async for frame in inbox:
                if isinstance(frame, Shutdown):
                    shell.hang_up()
                elif isinstance(frame, _Input | Upward):
                    await shell.take(frame)
                if shell.over:
                    break
        finally:
            shell.close()


class _TimerRang(Upward):
    """The policy's deadline has come; sent by the stage to itself."""

    __slots__ = ()


class _PatienceOver(Upward):
    """Playout hasn't told in time what was heard; sent by the stage to itself."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class _Said:
    """The words of a reply, and whether the history has them all."""

    words: str
    whole: bool


class _Shell:
    def __init__(
        self, config: TurnConfig, ctx: StageContext, inbox: Inbox[_Input], out: Outlet[UserTurn]
    ) -> None:
        self._policy = TurnPolicy(min_silence_ns=config.min_silence)
        self._ctx = ctx
        self._inbox = inbox
        self._out = out
        self._noted = self._policy.state
        self._timer: asyncio.TimerHandle | None = None
        self._patience: asyncio.TimerHandle | None = None
        self._say: str | None = None
        self._due: UserTurn | None = None
        """A turn that isn't answered before it is known what was heard of the reply before."""
        self._ending: dict[int, tuple[TurnStatus, str | None]] = {}
        """Turns that are dead, but of which playout hasn't said yet what was heard."""
        self._last: _Said | None = None
        self._repeating: int | None = None
        self._hung_up = False

    async def greet(self, words: str) -> None:
        self._say = words
        await self._perform(self._policy.greet())
        self._note_state()

    async def take(self, frame: _Input | Upward) -> None:
        if isinstance(frame, Heard):
            self._note_heard(frame)
        elif isinstance(frame, _PatienceOver):
            await self._lose_patience()
            return
        elif isinstance(frame, TurnFailed) and frame.turn is None:
            self._ctx.record(Failed(at_ns=frame.at_ns, stage=frame.stage, error=str(frame.error)))
            return
        if not self._hung_up and not self._is_pointless(frame):
            await self._follow_policy(frame)
        if self._due is not None and not self._ending:
            await self._release()

    def hang_up(self) -> None:
        """The call is over. What was heard of the reply is still to come from playout."""
        self._hung_up = True
        self._stop_timer()
        if self._ctx.turns.live is not None:
            self._kill("interrupted")
        if self._ending:
            self._wait_for_playout(HANG_UP_PATIENCE)

    @property
    def over(self) -> bool:
        return self._hung_up and not self._ending

    def close(self) -> None:
        """However the call ended: every turn that began has its end in the log."""
        self._stop_timer()
        if self._patience is not None:
            self._patience.cancel()
        live = self._ctx.turns.live
        if live is not None:
            self._ending[live] = ("interrupted", None)
            self._ctx.turns.interrupt()
        self._end_all()

    # ── the policy ───────────────────────────────────────────────────────────────────────────────

    async def _follow_policy(self, frame: _Input | Upward) -> None:
        if isinstance(frame, _TimerRang):
            actions = self._policy.on_deadline(frame.at_ns)
        else:
            actions = self._policy.on(frame)  # type: ignore[arg-type]  # the union of all upward frames
        error = str(frame.error) if isinstance(frame, TurnFailed) else None
        await self._perform(actions, error)
        self._note_state()

    def _note_state(self) -> None:
        if self._policy.state is not self._noted:
            self._noted = self._policy.state
            self._ctx.record(StateChanged(at_ns=self._ctx.clock.now(), state=self._noted))

    def _is_pointless(self, frame: _Input | Upward) -> bool:
        """Whether it is of a dead turn, or wants to hear again what never was."""
        turn, live = getattr(frame, "turn", None), self._ctx.turns.live
        if isinstance(frame, Repeat):
            return self._last is None and live is None
        return turn is not None and turn != live

    async def _perform(self, actions: tuple[Action, ...], error: str | None = None) -> None:
        for action in actions:
            match action:
                case Action.WAIT:
                    self._arm()
                case Action.STOP_WAITING:
                    self._stop_timer()
                case Action.COMMIT:
                    await self._commit()
                case Action.FORGET:
                    self._policy.take_turn()
                case Action.INTERRUPT:
                    self._kill("interrupted")
                case Action.FAIL:
                    self._kill("failed", error)
                case Action.FINISH:
                    self._finish()
                case Action.REPEAT:
                    await self._repeat()
                case Action.REPEAT_LATER:
                    pass  # the policy knows it

    def _arm(self) -> None:
        deadline, clock = self._policy.deadline, self._ctx.clock
        assert deadline is not None, "WAIT sets the deadline"

        def ring() -> None:
            # Loops ring up to their clock's resolution too early, but it is this deadline that has come.
            self._inbox.send_control(_TimerRang(at_ns=max(deadline, clock.now())))

        self._timer = clock.call_at(deadline, ring)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # ── turns ────────────────────────────────────────────────────────────────────────────────────

    async def _commit(self) -> None:
        say, self._say = self._say, None
        await self._begin(self._policy.take_turn(), say)

    async def _repeat(self) -> None:
        """Not remembered if the words are in the history already: then this turn stays a branch of it."""
        last = self._last or _Said("", whole=True)
        await self._begin(CallerTurn("", None, None), last.words, in_history=not last.whole)

    async def _begin(self, caller: CallerTurn, say: str | None, *, in_history: bool = True) -> None:
        ctx = self._ctx
        turn = ctx.turns.prepare()
        ctx.conversation.begin(turn, caller.text)
        ctx.turns.commit()
        if in_history:
            ctx.conversation.commit(turn)
        self._repeating = None if in_history else turn
        ctx.record(
            TurnBegan(
                at_ns=ctx.clock.now(),
                turn=turn,
                user=caller.text,
                end_of_speech_ns=caller.end_of_speech_ns,
                wait_over_ns=caller.wait_over_ns,
            )
        )
        ctx.broadcast(Commit(turn=turn))
        self._due = UserTurn(turn=turn, text=caller.text, say=say, in_history=in_history)
        if self._ending:
            self._wait_for_playout(HEARD_PATIENCE)
        else:
            await self._release()

    async def _release(self) -> None:
        due, self._due = self._due, None
        if due is not None:
            await self._out.send(due)

    def _kill(self, status: TurnStatus, error: str | None = None) -> None:
        turn = self._ctx.turns.live
        assert turn is not None, "only a live turn can be killed"
        self._ending[turn] = (status, error)
        self._remember(turn, whole=False)
        self._due = None
        self._ctx.turns.interrupt()
        self._ctx.broadcast(Interrupt(turn=turn))

    def _finish(self) -> None:
        turn = self._ctx.turns.live
        assert turn is not None, "only a live turn can end"
        self._ending[turn] = ("completed", None)
        self._remember(turn, whole=True)
        self._ctx.turns.interrupt()
        self._end(turn)

    def _remember(self, turn: int, *, whole: bool) -> None:
        words = self._ctx.conversation.said(turn)
        if words and turn != self._repeating:
            self._last = _Said(words, whole)

    def _note_heard(self, frame: Heard) -> None:
        if frame.segment is not None:
            self._ctx.conversation.add_heard(frame.turn, frame.segment, frame.samples)
        if frame.final and frame.turn in self._ending:
            self._end(frame.turn)

    def _wait_for_playout(self, patience: int) -> None:
        if self._patience is not None:
            self._patience.cancel()
        clock = self._ctx.clock
        self._patience = clock.call_at(
            clock.now() + patience, lambda: self._inbox.send_control(_PatienceOver(at_ns=clock.now()))
        )

    async def _lose_patience(self) -> None:
        """Go on with what is known to have been heard; a later report corrects it while the call lasts."""
        if self._hung_up:
            self._end_all()
        else:
            await self._release()

    def _end_all(self) -> None:
        for turn in tuple(self._ending):
            self._end(turn)

    def _end(self, turn: int) -> None:
        status, error = self._ending.pop(turn)
        conversation = self._ctx.conversation
        said, heard = conversation.said(turn), conversation.heard(turn)
        conversation.finish(turn, completed=status == "completed")
        self._ctx.record(
            TurnEnded(
                at_ns=self._ctx.clock.now(), turn=turn, status=status, said=said, heard=heard, error=error
            )
        )
