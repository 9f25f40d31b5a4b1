"""The ends of a call that a conversation test holds: a caller who follows steps and can speak into a reply,
and a loudspeaker that keeps what it played."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from voicepipe.audio.level import first_audible
from voicepipe.audio.wav import read_wav
from voicepipe.core.clock import Clock
from voicepipe.core.frames import Pcm, PlaybackStarted, TypedText
from voicepipe.core.inbox import Outlet
from voicepipe.core.io import FromCaller, Line
from voicepipe.core.records import TurnEnded
from voicepipe.core.units import MS, SECOND
from voicepipe.transports.paced import PacedOutput
from voicepipe.transports.recording import Recording
from voicepipe.transports.wav import LEAD_IN, OUTPUT_RATE, SETTLE, Clip, ScriptedCaller, Typed

SPEECH_DBFS = -35.0
"""From here on a frame of the caller counts as speech, as in the definition of the end of speech."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """The caller says or types ``what``: after the reply, or ``into_ns`` after its first audible sample.

    ``or_after``: if the reply is over by then, it is said after it, and not missed.
    """

    what: Clip | Typed
    into_ns: int | None = None
    or_after: bool = False


@dataclass(frozen=True, slots=True)
class Pause:
    """The caller is silent for so long, and listens to nobody."""

    duration_ns: int


@dataclass(frozen=True, slots=True)
class Look:
    """A place in the script at which somebody wants to know how things are."""


Item = Utterance | Pause | Look


def _nobody(number: int) -> None:
    """Nobody wants to know."""


@dataclass(slots=True)
class Moment:
    """When a step of the script happened, in session time; None as long as it wasn't reached.

    ``onset_ns`` is the first sound of what is said, or when it was typed. ``missed`` says why the step
    couldn't be done.
    """

    began_ns: int | None = None
    onset_ns: int | None = None
    missed: str | None = None


class ConversationCaller(ScriptedCaller):
    """An ``AudioInput`` that is also an observer of its call, so as to know when the agent speaks.

    ``moments`` has one for each item of the script. A step that can't be done ends the call.

    ``before`` is told the number of each utterance, from 0, right before its first frame is sent.
    """

    def __init__(
        self,
        steps: Sequence[Item],
        *,
        rate: int,
        gap_ns: int = 500 * MS,
        recording: Recording | None = None,
        before: Callable[[int], None] = _nobody,
    ) -> None:
        super().__init__((), rate=rate, gap_ns=gap_ns, recording=recording)
        self._steps = steps
        self._before = before
        self._uttered = 0
        self._speaking: tuple[int, int] | None = None
        self._lasted_ns: int | None = None
        self.moments = [Moment() for _ in steps]

    def __call__(self, at_ns: int, event: Any) -> None:
        if isinstance(event, PlaybackStarted):  # once more after each pause for want of words
            if self._speaking is None or self._speaking[0] != event.turn:
                self._speaking = event.turn, event.at_ns
        elif isinstance(event, TurnEnded) and self._speaking and self._speaking[0] == event.turn:
            self._lasted_ns = event.at_ns - self._speaking[1]
            self._speaking = None

    async def run(self, out: Outlet[FromCaller], line: Line) -> None:
        self._begin(line.clock.now())
        await self._be_silent(out, line, LEAD_IN)
        after: Item | None = None
        for item, moment in zip(self._steps, self.moments, strict=True):
            if isinstance(item, Look):
                if isinstance(after, Pause):
                    moment.began_ns = line.clock.now()
                continue
            if isinstance(item, Pause):
                moment.began_ns = line.clock.now()
                await self._be_silent(out, line, item.duration_ns)
            elif not await self._utter(item, moment, out, line, at_once=isinstance(after, Pause)):
                return
            after = item
        await self._wait_for_reply(out, line)

    async def _utter(
        self, item: Utterance, moment: Moment, out: Outlet[FromCaller], line: Line, *, at_once: bool
    ) -> bool:
        start_ns: int | None = None
        if item.into_ns is not None:
            start_ns = await self._into_reply(item.into_ns, out, line)
            if start_ns is None and not item.or_after:
                moment.missed = self._why_not(item.into_ns)
                return False
        if start_ns is None and not at_once:
            await self._wait_for_reply(out, line)
        self._before(self._uttered)
        self._uttered += 1
        if isinstance(item.what, Typed):
            moment.began_ns = moment.onset_ns = line.clock.now()
            await out.send(TypedText(text=item.what.text, at_ns=line.clock.now()))
        else:
            clip, offset = self._delayed(item.what, start_ns)
            moment.began_ns = self._time_of(self._position + offset)
            onset = first_audible(item.what.pcm, self.rate, SPEECH_DBFS) or 0
            moment.onset_ns = self._time_of(self._position + offset + onset)
            await self._say(clip, out, line)
        await self._settle(out, line)
        return True

    def _delayed(self, clip: Clip, start_ns: int | None) -> tuple[Clip, int]:
        """``clip`` with as much silence before it as begins it at ``start_ns``, less than a frame."""
        if start_ns is None:
            return clip, 0
        late = (start_ns - self._time_of(self._position)) * self.rate // SECOND
        offset = min(max(0, late), self._size - 1)
        silence: Pcm = np.zeros(offset, np.int16)
        delayed = replace(
            clip, pcm=np.concatenate((silence, clip.pcm)), end_of_speech=clip.end_of_speech + offset
        )
        return delayed, offset

    async def _into_reply(self, into_ns: int, out: Outlet[FromCaller], line: Line) -> int | None:
        """Wait for the frame in which a reply has been audible for ``into_ns``; None if it ended before."""
        self._lasted_ns = None
        while True:
            if self._speaking is not None:
                start_ns = self._speaking[1] + into_ns
                if start_ns < self._time_of(self._position + self._size):
                    return start_ns
            elif self._lasted_ns is not None or self._nothing_due(line):
                return None
            await self._send(self._silence, out, line)

    def _nothing_due(self, line: Line) -> bool:
        return line.idle_since is not None and line.clock.now() - line.idle_since >= self._gap_ns

    def _why_not(self, into_ns: int) -> str:
        if self._lasted_ns is None:
            return "it said nothing"
        return f"its reply lasted {round(self._lasted_ns / MS)} ms"

    async def _settle(self, out: Outlet[FromCaller], line: Line) -> None:
        """Until the pipeline has noticed that somebody has spoken; not longer, or a reply would be missed."""
        until = line.clock.now() + SETTLE
        while line.clock.now() < until and line.idle_since is not None:
            await self._send(self._silence, out, line)


class ConversationCall:
    """The two ends of a test's call. ``caller`` has to observe it."""

    def __init__(
        self,
        clock: Clock,
        steps: Sequence[Item],
        *,
        rate: int,
        gap_ns: int = 500 * MS,
        recording: Path | None = None,
        before: Callable[[int], None] = _nobody,
    ) -> None:
        self.output = PacedOutput(clock, OUTPUT_RATE, recorded=True)
        self._recording = (
            Recording(recording, caller_rate=rate, agent=self.output.track) if recording is not None else None
        )
        self.caller = ConversationCaller(
            steps, rate=rate, gap_ns=gap_ns, recording=self._recording, before=before
        )

    def played(self, until_ns: int) -> Pcm:
        """What the loudspeaker played from the beginning of the session, at ``OUTPUT_RATE``; only once.

        Of a call that is recorded, once it is closed, and as far as the caller's side goes.
        """
        if self._recording is None:
            return self.output.track.take(0, until_ns * OUTPUT_RATE // SECOND)
        before: Pcm = np.zeros(self.caller.began_ns * OUTPUT_RATE // SECOND, np.int16)
        return np.concatenate((before, read_wav(self._recording.path, channel=1).pcm))

    def close(self) -> None:
        """Finish the recording, if there is one."""
        if self._recording is not None:
            self._recording.close()
