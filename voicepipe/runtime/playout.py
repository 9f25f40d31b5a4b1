"""Playout: reply audio → the loudspeaker, and word of what has really been heard back to the turn stage."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from voicepipe.audio.level import rms_dbfs
from voicepipe.audio.mix import gain
from voicepipe.audio.resample import Resampler
from voicepipe.core.clock import Clock
from voicepipe.core.frames import (
    AudioOut,
    Control,
    EndOfAudio,
    Gain,
    Heard,
    Interrupt,
    Pcm,
    PlaybackStarted,
    Segment,
    Upward,
)
from voicepipe.core.inbox import Inbox
from voicepipe.core.io import AudioOutput
from voicepipe.core.turns import Turns
from voicepipe.core.units import SECOND

AUDIBLE_DBFS = -50.0
"""The first frame above this level is the reply's first audio."""

CAPACITY = 20
"""Frames of at most 20 ms: 400 ms, so that the next chunk is under way before this one ends."""


@dataclass(slots=True)
class _Span:
    """Where a segment lies in what was written to the loudspeaker, in samples at the loudspeaker's rate."""

    segment: Segment
    start: int
    length: int = 0
    told: int = 0
    """Samples at the segment's own rate that were reported as heard."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Drained(Control):
    """The time has come at which the loudspeaker should have played all; sent by playout to itself."""

    turn: int


class Playout:
    """Writes to ``output`` at its own pace; a draft waits for its commit.

    What was heard is reported segment by segment: when the next one begins, and at the end.
    """

    def __init__(
        self, output: AudioOutput, *, clock: Clock, turns: Turns, report: Callable[[Upward], None]
    ) -> None:
        self._output = output
        self._clock = clock
        self._turns = turns
        self._report = report
        self._turn: int | None = None
        self._finished: int | None = None
        self._audible = False
        self._gain: Gain | None = None
        self._written = 0
        self._spans: list[_Span] = []
        self._resampler: Resampler | None = None
        self._rate = 0

    async def run(self, inbox: Inbox[AudioOut | EndOfAudio]) -> None:
        async for frame in inbox:
            if type(frame) is AudioOut:
                if await self._turns.settled(frame.turn):
                    await self._play(frame)
            elif type(frame) is EndOfAudio:
                if await self._turns.settled(frame.turn):
                    await self._end(frame.turn, inbox)
            elif type(frame) is _Drained:
                self._drained(frame.turn, inbox)
            elif type(frame) is Interrupt:
                self._interrupt(frame.turn)
            elif type(frame) is Gain:
                self._gain = frame

    async def _play(self, frame: AudioOut) -> None:
        segment = frame.segment
        if frame.turn != self._turn:
            self._begin(frame.turn)
        if not self._spans or self._spans[-1].segment is not segment:
            await self._begin_segment(segment)
        assert self._resampler is not None, "the segment has begun"
        pcm = self._resampler.process(frame.pcm)
        if not self._audible and rms_dbfs(pcm) > AUDIBLE_DBFS:
            self._audible = True
            self._report(PlaybackStarted(turn=frame.turn, at_ns=self._clock.now()))
        await self._write(pcm)

    async def _write(self, pcm: Pcm) -> None:
        if self._gain is not None and self._gain.turn == self._turn:
            pcm = gain(pcm, self._gain.db)
        self._written += pcm.size
        self._spans[-1].length += pcm.size
        await self._output.write(pcm)

    def _begin(self, turn: int) -> None:
        self._turn = turn
        self._audible = False
        self._spans.clear()
        self._resampler = None

    async def _begin_segment(self, segment: Segment) -> None:
        if self._resampler is None or segment.rate != self._rate:
            await self._flush_resampler()
            self._resampler, self._rate = Resampler(segment.rate, self._output.rate), segment.rate
        self._tell_heard(segment.turn, self._written - self._output.pending())
        self._spans.append(_Span(segment, self._written))

    async def _flush_resampler(self) -> None:
        if self._resampler is not None:
            await self._write(self._resampler.flush())

    async def _end(self, turn: int, inbox: Inbox[AudioOut | EndOfAudio]) -> None:
        if turn != self._turn:  # a reply without a sound
            self._begin(turn)
        await self._flush_resampler()
        self._await_drain(turn, inbox)

    def _await_drain(self, turn: int, inbox: Inbox[AudioOut | EndOfAudio]) -> None:
        left = self._output.pending() * SECOND // self._output.rate
        self._clock.call_at(self._clock.now() + left, lambda: inbox.send_control(_Drained(turn=turn)))

    def _drained(self, turn: int, inbox: Inbox[AudioOut | EndOfAudio]) -> None:
        if turn != self._turn:
            return
        if self._output.pending() > 0:
            self._await_drain(turn, inbox)
        else:
            self._finish(turn)

    def _interrupt(self, turn: int) -> None:
        if turn == self._turn:
            left = self._written - self._output.pending()
            self._output.flush()
            self._written = left
        self._finish(turn)

    def _finish(self, turn: int) -> None:
        """Nothing more of ``turn`` will be heard. That is told once."""
        if turn == self._finished:  # it was interrupted just when it had come to its end
            return
        self._finished = turn
        if turn == self._turn:
            self._tell_heard(turn, self._written)
            self._turn = None
            self._spans.clear()
        self._report(Heard(turn=turn, segment=None, samples=0, final=True, at_ns=self._clock.now()))

    def _tell_heard(self, turn: int, left: int) -> None:
        """Report the segments that went on since the last report; ``left`` samples have been played."""
        for span in self._spans:
            samples = min(max(0, left - span.start), span.length)
            heard = samples * span.segment.rate // self._output.rate
            if samples == span.length and span.segment.samples is not None:
                heard = span.segment.samples  # it counts as whole, whatever rounding took from it
            if heard != span.told:
                span.told = heard
                self._report(
                    Heard(
                        turn=turn, segment=span.segment, samples=heard, final=False, at_ns=self._clock.now()
                    )
                )
