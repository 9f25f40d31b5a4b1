"""The beginning and the end of a turn, as the log has them."""

from __future__ import annotations

from voicepipe.core.records import TurnBegan, TurnEnded, TurnStatus
from voicepipe.speech.turn_rules import CallerTurn
from voicepipe.stages.base import StageContext

NOBODY = CallerTurn("", None, None)
"""Whose turn it was before something that the agent says unasked."""


def record_begin(ctx: StageContext, turn: int, caller: CallerTurn = NOBODY) -> None:
    ctx.record(
        TurnBegan(
            at_ns=ctx.clock.now(),
            turn=turn,
            user=caller.text,
            end_of_speech_ns=caller.end_of_speech_ns,
            wait_over_ns=caller.wait_over_ns,
        )
    )


def record_end(
    ctx: StageContext, turn: int, status: TurnStatus, said: str, heard: str, error: str | None = None
) -> None:
    now = ctx.clock.now()
    ctx.record(TurnEnded(at_ns=now, turn=turn, status=status, said=said, heard=heard, error=error))
