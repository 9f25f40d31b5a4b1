"""Where a call's audio comes from and goes to: what transports implement."""

from __future__ import annotations

from typing import Any, ClassVar, Protocol, TypeAlias

from voicepipe.core.calls import Workers
from voicepipe.core.clock import Clock
from voicepipe.core.frames import AudioIn, Pcm, Talk, TypedText
from voicepipe.core.inbox import Outlet
from voicepipe.core.records import Record

FromCaller: TypeAlias = AudioIn | Talk | TypedText
"""What a caller sends."""


class Line(Protocol):
    """What a caller's side may know of the call that it takes part in."""

    clock: Clock

    def record(self, record: Record) -> None:
        """Write to the call's log."""
        ...

    @property
    def idle_since(self) -> int | None:
        """Since when (session time, ns) nobody speaks and no reply is due; None while it isn't so."""
        ...


class AudioInput(Protocol):
    """The caller. ``live`` audio isn't held back: what the pipeline can't take is dropped.

    One who calls over a telephone line has ``telephone = True``: a carrier bills the time (``cost.carrier``).
    """

    rate: int
    live: ClassVar[bool]

    async def run(self, out: Outlet[FromCaller], line: Line) -> None:
        """Send 20 ms frames at the pace of ``line.clock`` until the caller hangs up.

        Of a caller who is muted, or doesn't press the key to talk, the audio is silence.
        """
        ...


class AudioOutput(Protocol):
    """The loudspeaker. Written by playout alone, in blocks of at most 20 ms.

    One that is a device may have a ``latency``: the samples that it is behind what it has taken. Recordings
    allow for it.
    """

    rate: int

    async def write(self, pcm: Pcm) -> None:
        """Queue a block; waits while more than a few blocks are queued already."""
        ...

    def pending(self) -> int:
        """Samples that were written but haven't left the loudspeaker yet, device latency included."""
        ...

    def flush(self) -> None:
        """Drop what is pending, with a fade short enough not to be heard as speech."""
        ...


class AudioTap(Protocol):
    """Hears both sides of a call, whatever its transport is, and takes no part in it."""

    def hear(self, frame: Any) -> None:
        """See a frame that the caller sends, dropped or not; synchronous, and quick: the call waits."""
        ...

    def listen(self, output: AudioOutput, clock: Clock) -> AudioOutput:
        """The loudspeaker that the call is to write to in place of ``output``."""
        ...

    async def run(self, workers: Workers) -> None:
        """Do in ``workers`` what blocks; goes on beside the call and is cancelled at its end."""
        ...


class CallEnds(Protocol):
    """Both ends of one call, made by a transport."""

    @property
    def caller(self) -> AudioInput: ...

    @property
    def output(self) -> AudioOutput: ...

    def close(self) -> None:
        """Give devices and files back; the call is over."""
        ...
