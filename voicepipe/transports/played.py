"""What the loudspeaker plays, on its way from PortAudio's thread to the echo gate on the event loop."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from voicepipe.audio.echo import EchoGate
from voicepipe.audio.resample import Resampler
from voicepipe.core.frames import Pcm

AHEAD_MS = 40
"""What is played is put so much earlier on the time line than it is handed over: with a device that tells too
long a latency the echo would come before it."""

STEADY = 64
"""The two clocks are compared at each block. Callbacks come some 10 ms early or late; over so many of them
that cancels out, and what the clocks drift apart meanwhile is some microseconds."""

ASTRAY_MS = 100
"""No jitter is that large: blocks were lost, and the places are counted anew."""


class Played:
    """Places the blocks that the loudspeaker was handed on the microphone's time line.

    ``spoken_now()`` is the sample of that line, at ``rate``, that is being spoken; None before there is one.
    """

    def __init__(self, spoken_now: Callable[[], int | None], *, from_rate: int, rate: int) -> None:
        self._spoken_now = spoken_now
        self._from_rate, self._rate = from_rate, rate
        self._blocks: deque[tuple[int, Pcm]] = deque()
        """``(number of its first sample, block)``; PortAudio's thread puts, the loop takes."""
        self._handed = 0
        self._offset: float | None = None
        """The sample of the time line at which the loudspeaker's first one was handed over."""
        self._compared = 0
        self._astray = rate * ASTRAY_MS // 1000
        self._resampler = Resampler(from_rate, rate)
        self._taken = -1
        """The number of the sample that would go on where the last block ended."""
        self._next = 0
        """Where on the time line the resampled stretch of playing goes on."""

    def hand_over(self, pcm: Pcm, samples: int) -> None:
        """``pcm`` begins a block of ``samples`` and silence is the rest of it. In PortAudio's thread."""
        now = self._spoken_now()
        if now is not None:
            self._compare(now - self._handed * self._rate / self._from_rate)
        if pcm.size:
            self._blocks.append((self._handed, pcm.copy()))
        self._handed += samples

    def pass_on(self, gate: EchoGate) -> None:
        """Tell ``gate`` all that was handed over since the last time, once there is a time line. On the loop.

        A reply is placed once, where it begins: the jitter of callbacks isn't part of what is heard.
        """
        while self._blocks and self._offset is not None:
            number, pcm = self._blocks.popleft()
            ahead = self._rate * AHEAD_MS // 1000
            place = round(self._offset + number * self._rate / self._from_rate) - ahead
            if number != self._taken or abs(place - self._next) > self._astray:
                self._resampler = Resampler(self._from_rate, self._rate)
                self._next = place - self._resampler.delay_samples
            resampled = self._resampler.process(pcm)
            gate.play(resampled, self._next)
            self._next += resampled.size
            self._taken = number + pcm.size

    def _compare(self, offset: float) -> None:
        if self._offset is None or abs(offset - self._offset) > self._astray:
            self._offset, self._compared = offset, 0
        self._compared = min(STEADY, self._compared + 1)
        self._offset += (offset - self._offset) / self._compared
