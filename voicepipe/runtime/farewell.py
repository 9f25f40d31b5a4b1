"""The last words of a call that its budget ends: a notice, when all stages have left."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

from voicepipe.core.clock import Clock
from voicepipe.core.frames import AudioOut, Commit, EndOfAudio, Heard, Notice
from voicepipe.core.inbox import Inbox
from voicepipe.core.records import Record, TurnBegan, TurnEnded, TurnStatus
from voicepipe.core.turns import Turns
from voicepipe.core.units import SECOND
from voicepipe.observe.observers import Observers
from voicepipe.runtime.notices import SpokenNotice
from voicepipe.speech.heard import heard_text

GOODBYE: Final = "goodbye"
"""The notice. Its words stand in ``cost.budget.then``."""

PATIENCE = SECOND
"""How much longer than the words take they are waited for: a loudspeaker has its own delay, or hangs."""


class Farewell:
    """Of one session. ``due``: it is to be said when the call is over."""

    def __init__(self, clock: Clock, turns: Turns, record: Callable[[Record], None]) -> None:
        self.due = False
        self._clock = clock
        self._turns = turns
        self._record = record

    @staticmethod
    def takes(notice: SpokenNotice | None) -> int:
        """How long saying it takes at most, in nanoseconds, with falling silent before it."""
        return 2 * PATIENCE + (0 if notice is None else notice.pcm.size * SECOND // notice.rate)

    async def say(
        self,
        notice: SpokenNotice | None,
        speaker: Inbox[AudioOut | EndOfAudio],
        observers: Observers,
    ) -> None:
        """As a turn of its own, by playout alone, which reads ``speaker``; returns when it was heard."""
        if not self.due or notice is None:
            return
        turn = self._turns.prepare()
        self._turns.commit()
        now = self._clock.now()
        self._record(TurnBegan(at_ns=now, turn=turn, user="", end_of_speech_ns=None, wait_over_ns=None))
        heard, over = "", asyncio.Event()

        def listen(at_ns: int, event: Any) -> None:
            nonlocal heard
            if isinstance(event, Heard) and event.turn == turn:
                if event.segment is not None:
                    heard = heard_text(event.segment, event.samples)
                if event.final:
                    over.set()

        observers.append(listen)
        timer = self._clock.call_at(now + self.takes(notice) - PATIENCE, over.set)
        try:
            speaker.send_control(Commit(turn=turn))
            speaker.send_control(Notice(turn=turn, name=GOODBYE, last=True))
            await over.wait()
        finally:
            timer.cancel()
            observers.remove(listen)
            self._turns.interrupt()
            status: TurnStatus = "completed" if heard == notice.text else "interrupted"
            self._record(TurnEnded(at_ns=self._clock.now(), turn=turn, status=status, said="", heard=heard))
