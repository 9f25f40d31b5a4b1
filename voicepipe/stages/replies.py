"""The replies of a call, from the draft to the end: their turn ids, their records, and what was heard."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from voicepipe.core.frames import (
    Commit,
    Control,
    Discard,
    Heard,
    Interrupt,
    Notice,
    Resume,
    Transcript,
    TurnFailed,
    Upward,
    UserTurn,
)
from voicepipe.core.inbox import Inbox, Outlet
from voicepipe.core.records import SpeechIgnored, TurnDrafted, TurnReworded, TurnStatus
from voicepipe.core.units import MS, SECOND
from voicepipe.speech.policy import TurnPolicy
from voicepipe.speech.turn_rules import CallerTurn
from voicepipe.speech.turn_table import THINKING
from voicepipe.stages.aside import Aside
from voicepipe.stages.base import StageContext
from voicepipe.stages.turn_records import NOBODY, record_begin, record_end

HEARD_PATIENCE = 100 * MS
"""How long the next turn waits to learn what was heard of the reply that it has cut off."""

HANG_UP_PATIENCE = SECOND
"""How long the end of a call waits for that: a loudspeaker that hangs must not keep the call alive."""


MAX_WORDED_LATER = 8
"""Turns whose words may still come. A recogniser that never gives them must not fill the memory."""


class PatienceOver(Upward):
    """Playout hasn't told in time what was heard; sent by the turn stage to itself."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class _Said:
    """The words of a reply, and whether the history has them all."""

    words: str
    whole: bool


@dataclass(frozen=True, slots=True)
class _Begun:
    """What the live turn was begun with. ``anew``: it is begun for the second time."""

    caller: CallerTurn
    say: str | None
    in_history: bool
    interruptible: bool
    anew: bool


@dataclass(slots=True)
class _Draft:
    """A reply to words that may not be all of the turn."""

    turn: int
    early: list[Upward] = field(default_factory=list)
    """What happened to it, which the policy hears of at the commit."""


class Replies:
    """Changes the turn ids, as the policy wants it."""

    def __init__(
        self, policy: TurnPolicy, ctx: StageContext, inbox: Inbox[Any], out: Outlet[UserTurn]
    ) -> None:
        self._policy = policy
        self._ctx = ctx
        self._inbox = inbox
        self._out = out
        self._patience: asyncio.TimerHandle | None = None
        self._draft: _Draft | None = None
        self._due: UserTurn | None = None
        """A turn that isn't answered before it is known what was heard of the reply before."""
        self.ending: dict[int, tuple[TurnStatus, str | None]] = {}
        """Turns that are dead, but of which playout hasn't said yet what was heard."""
        self._played: int | None = None
        """The turn of which playout has told all."""
        self._last: _Said | None = None
        self._repeating: int | None = None
        self._worded_later: dict[int, CallerTurn] = {}
        """Turns that were answered before all of their words were known."""
        self._paused_since_ns: int | None = None
        self._begun: _Begun | None = None
        self.aside = Aside(ctx)

    @property
    def repeatable(self) -> bool:
        return self._last is not None

    def is_of_draft(self, frame: Any) -> bool:
        """Whether it is an event of the draft, and kept until the commit."""
        draft = self._draft
        if draft is None or getattr(frame, "turn", None) != draft.turn:
            return False
        if isinstance(frame, TurnFailed):
            self._policy.lose_draft()
            self.discard(str(frame.error))
        elif isinstance(frame, Upward):
            draft.early.append(frame)
        return True

    # ── the beginning ────────────────────────────────────────────────────────────────────────────

    async def greet(self, words: str, *, interruptible: bool) -> None:
        await self._begin(self._policy.take_turn(), words, interruptible=interruptible)

    async def speak_up(self) -> None:
        """To a caller who says nothing."""
        await self._begin(self._policy.take_turn(), None)

    async def draft(self, words: str, utterances: tuple[int, ...]) -> None:
        """Begin a reply to ``words`` in place of an earlier draft."""
        self.discard()
        ctx = self._ctx
        turn = ctx.turns.prepare()
        self._draft = _Draft(turn)
        ctx.conversation.begin(turn, words)
        ctx.record(TurnDrafted(at_ns=ctx.clock.now(), turn=turn, user=words))
        await self._answer(UserTurn(turn=turn, text=words, utterances=utterances))

    def discard(self, error: str | None = None) -> None:
        """Drop the draft, if there is one."""
        draft, self._draft = self._draft, None
        if draft is None:
            return
        ctx, turn = self._ctx, draft.turn
        if self._due is not None and self._due.turn == turn:
            self._due = None
        said = ctx.conversation.said(turn)
        ctx.turns.discard()
        ctx.conversation.discard(turn)
        ctx.broadcast(Discard(turn=turn))
        record_end(ctx, turn, "discarded", said, "", error)

    async def commit(self, caller: CallerTurn) -> Sequence[Upward]:
        """Answer ``caller``: by the draft, if it fits. Returns what has happened to that already."""
        self.aside.end()
        draft = self._draft
        if draft is None or not caller.drafted:
            self.discard()
            await self._begin(caller, None)
            return ()
        self._draft = None
        self._ctx.conversation.reword(draft.turn, caller.text)
        self._go_live(draft.turn, _Begun(caller, None, in_history=True, interruptible=True, anew=False))
        return draft.early

    async def repeat(self) -> None:
        """Not remembered if the words are in the history already: then this turn stays a branch of it."""
        last = self._last or _Said("", whole=True)
        await self._begin(NOBODY, last.words, in_history=not last.whole)

    async def apologise(self, notice: str) -> None:
        """As a reply of its own, by playout alone: whatever has failed, that has not."""
        turn = self._ctx.turns.prepare()
        self._ctx.conversation.begin(turn, "")
        self._go_live(turn, _Begun(NOBODY, None, in_history=False, interruptible=True, anew=True))
        self._ctx.broadcast(Notice(turn=turn, name=notice, last=True))

    def say_aside(self, notice: str) -> None:
        """Although no reply is due; one that is begun ends it."""
        self.discard()  # there is one draft at a time, and it will be made again
        self.aside.say(notice)

    async def begin_anew(self, frame: TurnFailed) -> bool:
        """Whether the live turn, which has failed, is asked once more: nobody has noticed anything of it."""
        begun, turn, ctx = self._begun, frame.turn, self._ctx
        if begun is None or begun.anew or turn is None or not frame.again:
            return False
        if self._policy.state not in THINKING or not ctx.conversation.untouched(turn):
            return False
        said = ctx.conversation.said(turn)
        self._worded_later.pop(turn, None)
        self._due = None
        ctx.turns.interrupt()
        ctx.conversation.discard(turn)
        ctx.broadcast(Interrupt(turn=turn))
        record_end(ctx, turn, "discarded", said, "", str(frame.error))
        await self._begin(
            begun.caller,
            begun.say,
            in_history=begun.in_history,
            interruptible=begun.interruptible,
            anew=True,
        )
        return True

    async def _begin(
        self,
        caller: CallerTurn,
        say: str | None,
        *,
        in_history: bool = True,
        interruptible: bool = True,
        anew: bool = False,
    ) -> None:
        turn = self._ctx.turns.prepare()
        self._ctx.conversation.begin(turn, caller.text, caller.spoken.positions)
        self._go_live(turn, _Begun(caller, say, in_history, interruptible, anew))
        await self._answer(
            UserTurn(
                turn=turn,
                text=caller.text,
                utterances=caller.spoken.positions,
                through=caller.spoken.through,
                typed=caller.typed,
                say=say,
                in_history=in_history,
            )
        )

    def _go_live(self, turn: int, begun: _Begun) -> None:
        ctx, caller = self._ctx, begun.caller
        ctx.turns.commit()
        self._begun = begun
        if begun.in_history:
            ctx.conversation.commit(turn)
        if not caller.spoken.final:
            self._worded_later[turn] = caller
            if len(self._worded_later) > MAX_WORDED_LATER:
                del self._worded_later[next(iter(self._worded_later))]
        self._repeating = None if begun.in_history else turn
        self._paused_since_ns = None
        self._policy.begin_reply(interruptible=begun.interruptible)
        record_begin(ctx, turn, caller)
        ctx.broadcast(Commit(turn=turn))

    async def _answer(self, turn: UserTurn) -> None:
        self._due = turn
        if self.ending:
            self._wait_for_playout(HEARD_PATIENCE)
        else:
            await self._release()

    async def answer_if_known(self) -> None:
        """If it is known what was heard of the reply before, the turn that is due is answered now."""
        if self._due is not None and not self.ending:
            await self._release()

    async def _release(self) -> None:
        due, self._due = self._due, None
        if due is not None:
            await self._out.send(due)

    # ── the course ───────────────────────────────────────────────────────────────────────────────

    def tell(self, control: Callable[[int], Control]) -> None:
        """Send ``control`` of the live turn."""
        live = self._ctx.turns.live
        assert live is not None, "a reply is due"
        self._ctx.broadcast(control(live))

    def pause(self) -> None:
        """The live reply is held from now on."""
        self._paused_since_ns = self._ctx.clock.now()

    def resume(self) -> None:
        """The live reply comes back, whatever was ignored is noted."""
        now, since, live = self._ctx.clock.now(), self._paused_since_ns, self._ctx.turns.live
        ignored, self._paused_since_ns = self._policy.ignored, None
        assert live is not None, "a reply is due"
        assert ignored is not None, "RESUME tells what was ignored"
        self._ctx.broadcast(Resume(turn=live))
        self._ctx.record(
            SpeechIgnored(
                at_ns=now,
                turn=live,
                utterance=ignored.utterance,
                text=ignored.text,
                reason=ignored.reason,
                paused_ns=0 if since is None else now - since,
            )
        )

    def note_words(self, frame: Transcript) -> None:
        """Words of a turn that was answered before they were known."""
        for turn, caller in self._worded_later.items():
            spoken = caller.spoken
            if frame.utterance in spoken.positions and spoken.note(frame) and frame.final:
                words = f"{spoken.text} {caller.typed}".strip()
                self._ctx.conversation.reword(turn, words)
                self._ctx.record(TurnReworded(at_ns=frame.at_ns, turn=turn, user=words))
                if spoken.final:
                    del self._worded_later[turn]
                return

    def note_heard(self, frame: Heard) -> None:
        if frame.segment is not None:
            frame.segment.heard = frame.samples
            self._ctx.conversation.add_heard(frame.turn, frame.segment, frame.samples)
        if frame.final:
            self._played = frame.turn
            if frame.turn in self.ending:
                self._end(frame.turn)

    # ── the end ──────────────────────────────────────────────────────────────────────────────────

    def kill(self, status: TurnStatus, error: str | None = None) -> None:
        turn = self._ctx.turns.live
        assert turn is not None, "only a live turn can be killed"
        self.ending[turn] = (status, error)
        self._remember(turn, whole=False)
        self._due = None
        self._ctx.turns.interrupt()
        self._ctx.broadcast(Interrupt(turn=turn))
        if turn == self._played:
            self._end(turn)

    def finish(self) -> None:
        turn = self._ctx.turns.live
        assert turn is not None, "only a live turn can end"
        self.ending[turn] = ("completed", None)
        self._remember(turn, whole=True)
        self._ctx.turns.interrupt()
        self._end(turn)

    def hang_up(self) -> None:
        """What is under way ends; what was heard of it is still to come from playout."""
        self.discard()
        self.aside.end()
        if self._ctx.turns.live is not None:
            self.kill("interrupted")
        if self.ending:
            self._wait_for_playout(HANG_UP_PATIENCE)

    def close(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
        self.discard()
        self.aside.end()
        live = self._ctx.turns.live
        if live is not None:
            self.ending[live] = ("interrupted", None)
            self._ctx.turns.interrupt()
        self._end_all()

    async def lose_patience(self, *, hung_up: bool) -> None:
        """Go on with what is known to have been heard; a later report corrects it while the call lasts."""
        if hung_up:
            self._end_all()
        else:
            await self._release()

    def _remember(self, turn: int, *, whole: bool) -> None:
        words = self._ctx.conversation.said(turn)
        if words and turn != self._repeating:
            self._last = _Said(words, whole)

    def _wait_for_playout(self, patience: int) -> None:
        if self._patience is not None:
            self._patience.cancel()
        clock = self._ctx.clock
        self._patience = clock.call_at(
            clock.now() + patience, lambda: self._inbox.send_control(PatienceOver(at_ns=clock.now()))
        )

    def _end_all(self) -> None:
        for turn in tuple(self.ending):
            self._end(turn)

    def _end(self, turn: int) -> None:
        status, error = self.ending.pop(turn)
        conversation = self._ctx.conversation
        said, heard = conversation.said(turn), conversation.heard(turn)
        conversation.finish(turn, completed=status == "completed", failed=status == "failed")
        self._policy.asked = heard or self._policy.asked
        record_end(self._ctx, turn, status, said, heard, error)
