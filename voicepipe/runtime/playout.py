"""Playout: reply audio → the loudspeaker, and word of what has really been heard back to the turn stage."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping

from voicepipe.audio.level import rms_dbfs
from voicepipe.audio.mix import fade_in, glide
from voicepipe.audio.resample import Resampler
from voicepipe.core.clock import Clock
from voicepipe.core.frames import (
    FRAME_MS,
    AudioOut,
    Control,
    EndOfAudio,
    Gain,
    Heard,
    Interrupt,
    Notice,
    Pause,
    PlaybackStarted,
    PlaybackStopped,
    Resume,
    Segment,
    StreamFrame,
    Upward,
)
from voicepipe.core.inbox import Inbox
from voicepipe.core.io import AudioOutput
from voicepipe.core.turns import Turns
from voicepipe.core.units import SECOND
from voicepipe.runtime.notices import SpokenNotice
from voicepipe.runtime.tape import Tape

AUDIBLE_DBFS = -50.0
"""The first frame above this level is the reply's first audio."""

CAPACITY = 20
"""Frames of at most 20 ms: 400 ms, so that the next chunk is under way before this one ends."""

HOLD = 50
"""Frames that are taken in while a draft waits for its commit, or a reply is paused: one second."""

FADE_MS = 5


class Playout:
    """Writes to ``output`` at its own pace; a draft waits for its commit, and a paused reply for its end.

    Control is obeyed in the step in which it is sent, also while the loudspeaker is waited for. What was
    heard is reported segment by segment: when the next one begins, at a pause and at the end.
    """

    def __init__(
        self,
        output: AudioOutput,
        *,
        clock: Clock,
        turns: Turns,
        report: Callable[[Upward], None],
        notices: Mapping[str, SpokenNotice] | None = None,
    ) -> None:
        self._output = output
        self._clock = clock
        self._turns = turns
        self._report = report
        self._notices = {} if notices is None else notices  # it may still be empty
        self._tape = Tape(output.rate)
        self._held: deque[AudioOut | EndOfAudio] = deque()
        self._turn: int | None = None
        self._finished: int | None = None
        self._paused: int | None = None
        self._ended = False
        """All of the reply is on the tape."""
        self._audible = False
        """It is being heard, as far as the turn stage knows."""
        self._sounded = False
        """Some of it was loud enough to be heard: of a voice that gives silence, nobody hears the words."""
        self._db, self._wanted_db = 0.0, 0.0
        self._cut = False
        """The last sample that was heard isn't the one before the next."""
        self._timer: asyncio.TimerHandle | None = None
        self._spoken_notices = 0
        self._resampler: Resampler | None = None
        self._rate = 0

    async def run(self, inbox: Inbox[AudioOut | EndOfAudio]) -> None:
        inbox.obey(self._obey)
        try:
            while True:
                if self._tape.waiting and self._paused != self._turn:
                    await self._play()
                elif self._held and self._may_play(self._held[0].turn):
                    self._take(self._held.popleft())
                elif len(self._held) >= HOLD:
                    if await inbox.control() is None:
                        return
                else:
                    frame = await anext(inbox, None)
                    if frame is None:
                        return
                    if isinstance(frame, AudioOut | EndOfAudio):
                        self._held.append(frame)
        finally:
            self._stop_timer()

    # ── frames ───────────────────────────────────────────────────────────────────────────────────

    def _may_play(self, turn: int) -> bool:
        """Frames of a dead turn are taken, too: to be dropped."""
        return turn != self._turns.draft and turn != self._paused

    def _take(self, frame: AudioOut | EndOfAudio) -> None:
        if frame.turn != self._turns.live:
            return
        if frame.turn != self._turn:
            self._begin(frame.turn)
        if isinstance(frame, EndOfAudio):
            self._flush_resampler()
            self._ended = True
            self._watch()
        elif not self._ended:
            if self._tape.last_segment() is not frame.segment:
                self._begin_segment(frame.segment)
            assert self._resampler is not None, "the segment has begun"
            self._tape.add(self._resampler.process(frame.pcm))

    def _begin(self, turn: int) -> None:
        self._turn = turn
        self._ended = self._audible = self._sounded = self._cut = False
        self._db = self._wanted_db = 0.0
        self._tape.clear()
        self._resampler = None

    def _begin_segment(self, segment: Segment) -> None:
        if self._resampler is None or segment.rate != self._rate:
            self._flush_resampler()
            self._resampler, self._rate = Resampler(segment.rate, self._output.rate), segment.rate
        self._tell_heard()
        self._tape.begin(segment)

    def _flush_resampler(self) -> None:
        if self._resampler is not None:
            self._tape.add(self._resampler.flush())

    async def _play(self) -> None:
        segment = None if self._audible else self._tape.segment()
        filler = segment is not None and not segment.in_history
        pcm = self._tape.next()
        if not self._audible and rms_dbfs(pcm) > AUDIBLE_DBFS:
            self._audible = self._sounded = True
            assert self._turn is not None, "a tape has its turn"
            self._report(PlaybackStarted(turn=self._turn, at_ns=self._clock.now(), filler=filler))
        if self._db or self._wanted_db:
            pcm, self._db = glide(pcm, self._db, self._wanted_db), self._wanted_db
        if self._cut:
            pcm, self._cut = fade_in(pcm, self._output.rate, FADE_MS), False
        self._watch()
        await self._output.write(pcm)

    # ── control ──────────────────────────────────────────────────────────────────────────────────

    def _obey(self, control: Control | StreamFrame) -> None:
        if isinstance(control, Interrupt):
            self._interrupt(control.turn)
        elif isinstance(control, Gain):
            if control.turn == self._turn:
                self._call_back()
                self._db = self._wanted_db = control.db
        elif isinstance(control, Pause):
            self._pause(control.turn)
        elif isinstance(control, Resume):
            self._resume(control.turn)
        elif isinstance(control, Notice):
            self._hold_notice(control)

    def _interrupt(self, turn: int) -> None:
        if turn == self._turn:
            self._call_back()
        self._finish(turn)

    def _pause(self, turn: int) -> None:
        self._paused = turn
        if turn == self._turn:
            self._call_back()
            self._tell_heard()
            self._stop_timer()

    def _resume(self, turn: int) -> None:
        was_paused, self._paused = self._paused == turn, None
        if turn != self._turn:
            return
        self._wanted_db = 0.0
        if was_paused:
            self._tape.rewind(self._tape.word_start(self._left()))
            self._db = 0.0
        self._watch()

    def _call_back(self) -> None:
        """Take back from the loudspeaker what it hasn't played yet: it is the next to be played."""
        before = self._output.pending()
        self._output.flush()
        taken_back = before - self._output.pending()
        if taken_back > 0:
            self._tape.rewind(self._tape.cursor - taken_back)
            self._cut = True

    def _hold_notice(self, control: Notice) -> None:
        """A notice is heard before what is waiting; one that isn't there is as good as heard."""
        frames: list[AudioOut | EndOfAudio] = []
        notice = self._notices.get(control.name)
        if notice is not None:
            self._spoken_notices += 1
            segment = Segment(
                turn=control.turn,
                index=-self._spoken_notices,
                text=notice.text,
                rate=notice.rate,
                in_history=False,
                made=notice.pcm.size,
                samples=notice.pcm.size,
            )
            size = notice.rate * FRAME_MS // 1000
            frames += [
                AudioOut(turn=control.turn, segment=segment, pcm=notice.pcm[at : at + size])
                for at in range(0, notice.pcm.size, size)
            ]
        if control.last:
            frames.append(EndOfAudio(turn=control.turn))
        self._held.extendleft(reversed(frames))

    # ── what was heard ───────────────────────────────────────────────────────────────────────────

    def _left(self) -> int:
        """How much of the reply has left the loudspeaker."""
        return max(0, self._tape.cursor - self._output.pending())

    def _watch(self) -> None:
        """One timer while there is something to be heard: does the loudspeaker run dry?"""
        if self._timer is None:
            left = self._output.pending() * SECOND // self._output.rate
            self._timer = self._clock.call_at(self._clock.now() + left, self._look)

    def _look(self) -> None:
        self._timer = None
        turn = self._turn
        if turn is None or turn == self._paused:
            return
        if self._output.pending() > 0:
            self._watch()
        elif self._tape.waiting:
            return  # the next block is on its way, and watches for itself
        elif self._ended:
            self._finish(turn)
        elif self._audible:
            self._audible = False
            self._tell_heard()
            self._report(PlaybackStopped(turn=turn, at_ns=self._clock.now()))

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _finish(self, turn: int) -> None:
        """Nothing more of ``turn`` will be heard. That is told once."""
        if turn == self._finished:  # it was interrupted just when it had come to its end
            return
        self._finished = turn
        if self._paused == turn:
            self._paused = None
        if turn == self._turn:
            self._tell_heard()
            self._turn = None
            self._tape.clear()
            self._stop_timer()
        self._report(Heard(turn=turn, segment=None, samples=0, final=True, at_ns=self._clock.now()))

    def _tell_heard(self) -> None:
        if self._turn is None or not self._sounded:
            return
        for segment, samples in self._tape.heard(self._left()):
            self._report(
                Heard(turn=self._turn, segment=segment, samples=samples, final=False, at_ns=self._clock.now())
            )
