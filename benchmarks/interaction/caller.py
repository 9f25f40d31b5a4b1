"""The caller of a trial: a script that speaks into a call, over a background that never stops."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from benchmarks.interaction.sounds import RATE, Samples, Sound, to_pcm
from benchmarks.mocks import Told, tell
from voicepipe.api import Call, Pipeline
from voicepipe.core.frames import FRAME_MS, AudioIn, Pcm, PlaybackStarted, Talk, TypedText
from voicepipe.core.inbox import Outlet
from voicepipe.core.io import Line
from voicepipe.core.records import TurnEnded
from voicepipe.core.units import SECOND
from voicepipe.transports.paced import PacedOutput

FRAME = RATE * FRAME_MS // 1000
OUTPUT_RATE = 24_000


@dataclass(frozen=True, slots=True)
class Span:
    """When a sound was made: its first and last loud sample, and where its samples begin. Session time."""

    began_ns: int
    onset_ns: int
    end_ns: int


class Caller:
    """An ``AudioInput`` that does what ``script`` says and leaves; also an observer of its call.

    ``background`` is repeated for as long as the call lasts and added to all that is said.
    """

    rate = RATE
    live: ClassVar[bool] = True

    def __init__(
        self, script: Callable[[Caller], Awaitable[None]], background: Samples | None = None
    ) -> None:
        self._script = script
        self._background = np.zeros(RATE, np.float32) if background is None else background
        self._position = 0
        self._began_ns = 0
        self._out: Outlet[AudioIn | Talk | TypedText]
        self._parts: list[Pcm] = []
        self.line: Line
        self.call: Call
        self.speaking: int | None = None
        """The turn that is being heard."""
        self.audible_ns = 0
        """Since when."""

    def __call__(self, at_ns: int, event: Any) -> None:
        if isinstance(event, PlaybackStarted):
            self.speaking, self.audible_ns = event.turn, event.at_ns
        elif isinstance(event, TurnEnded) and event.turn == self.speaking:
            self.speaking = None

    async def run(self, out: Outlet[AudioIn | Talk | TypedText], line: Line) -> None:
        self._out, self.line = out, line
        self._began_ns = line.clock.now()
        await self._script(self)

    @property
    def now(self) -> int:
        """Where the caller is on the session's time line: at the end of the last frame."""
        return self._time_of(self._position)

    def sent_ns(self, position: int) -> int:
        """When the frame was due whose samples are complete with the one before ``position``."""
        return self._time_of(-(-position // FRAME) * FRAME)

    @property
    def idle(self) -> bool:
        """Whether nobody speaks and no reply is due."""
        return self.line.idle_since is not None

    def said(self) -> Pcm:
        """All that came from the caller's side."""
        return np.concatenate([np.zeros(0, np.int16), *self._parts])

    async def say(self, sound: Sound, gain: float = 1.0) -> Span:
        """Make ``sound``, ``gain`` times as loud as it is."""
        origin = self._position
        ends: dict[int, list[Told]] = {}
        for number, word in enumerate(sound.words, 1):
            spoken = Told(word.text, self._time_of(origin + word.end), number == len(sound.words))
            ends.setdefault(max(0, word.end - 1) // FRAME, []).append(spoken)
        for start in range(0, sound.samples.size, FRAME):
            await self._send(sound.samples[start : start + FRAME] * gain, tell(ends.get(start // FRAME, ())))
        return Span(*(self._time_of(origin + at) for at in (0, sound.onset, sound.end)))

    async def listen(self, duration_ns: int) -> None:
        await self.until(lambda: False, duration_ns)

    async def until(self, condition: Callable[[], bool], patience_ns: int) -> bool:
        """Say nothing until it is so, or for so long; whether it is so."""
        end_ns = self.now + patience_ns
        while not condition():
            if self.now >= end_ns:
                return False
            await self._send(np.zeros(FRAME, np.float32))
        return True

    async def type(self, text: str) -> None:
        await self._out.send(TypedText(text=text, at_ns=self.line.clock.now()))

    async def _send(self, samples: Samples, caption: str | None = None) -> None:
        """A frame leaves when its last sample has been spoken."""
        behind = self._background.take(range(self._position, self._position + FRAME), mode="wrap")
        behind[: samples.size] += samples
        pcm = to_pcm(behind)
        position, self._position = self._position, self._position + FRAME
        await self.line.clock.sleep_until(self.now)
        self._parts.append(pcm)
        await self._out.send(AudioIn(pcm=pcm, position=position, rate=RATE, caption=caption))

    def _time_of(self, position: int) -> int:
        return self._began_ns + position * SECOND // RATE


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """A call that is over: its events with their times, and both its sides."""

    events: list[tuple[int, Any]]
    played: Pcm
    """What left the loudspeaker, from the beginning of the session, at ``OUTPUT_RATE``."""
    said: Pcm
    """The caller's side, from ``said_from_ns`` on."""
    said_from_ns: int


async def hold(pipeline: Pipeline, caller: Caller) -> Held:
    events: list[tuple[int, Any]] = []
    async with pipeline.session() as call:
        output = PacedOutput(call.clock, OUTPUT_RATE, recorded=True)
        caller.call = call
        call.observe(lambda at_ns, event: events.append((at_ns, event)))
        call.observe(caller)
        async for _ in call.run(caller, output):
            pass
        played = output.track.take(0, call.clock.now() * OUTPUT_RATE // SECOND)
    return Held(events, played, caller.said(), caller.now - caller.said().size * SECOND // RATE)
