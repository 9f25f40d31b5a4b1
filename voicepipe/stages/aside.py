"""A notice while no reply is due: the caller has spoken, but the words are still being recovered."""

from __future__ import annotations

from typing import Any

from voicepipe.core.frames import Commit, Heard, Interrupt, Notice
from voicepipe.core.records import TurnStatus
from voicepipe.stages.base import StageContext
from voicepipe.stages.turn_records import record_begin, record_end


class Aside:
    """At most one at a time, as a turn of its own that the policy doesn't know of."""

    def __init__(self, ctx: StageContext) -> None:
        self._ctx = ctx
        self._turn: int | None = None

    def say(self, notice: str) -> None:
        """No reply may be live, and no draft under way. A reply that is begun ends it."""
        ctx = self._ctx
        self._turn = turn = ctx.turns.prepare()
        ctx.conversation.begin(turn, "")
        ctx.turns.commit()
        record_begin(ctx, turn)
        ctx.broadcast(Commit(turn=turn))
        ctx.broadcast(Notice(turn=turn, name=notice, last=True))

    def takes(self, frame: Any) -> bool:
        """Whether ``frame`` concerns it alone; that it was heard to its end also ends a silence."""
        if self._turn is None or getattr(frame, "turn", None) != self._turn:
            return False
        if isinstance(frame, Heard) and frame.final:
            self.end("completed")
            return False
        return True

    def end(self, status: TurnStatus = "interrupted") -> None:
        """If there is one: it was heard to its end, or is overtaken."""
        turn, self._turn = self._turn, None
        if turn is None:
            return
        ctx = self._ctx
        ctx.turns.interrupt()
        ctx.broadcast(Interrupt(turn=turn))
        heard = ctx.conversation.heard(turn)
        ctx.conversation.discard(turn)
        record_end(ctx, turn, status, "", heard)
