"""Both sides of a call in one stereo WAV file, written as the call goes on: caller left, agent right."""

from __future__ import annotations

from collections import deque
from pathlib import Path

import numpy as np

from voicepipe.audio.mix import fade_out
from voicepipe.audio.pcm import samples_in
from voicepipe.audio.resample import Resampler
from voicepipe.audio.wav import WavWriter
from voicepipe.core.frames import Pcm
from voicepipe.core.units import SECOND


class AgentTrack:
    """What the loudspeaker plays, placed on a time line in samples at ``rate``.

    One thread may ``add`` while another one calls ``take``: they work at the two ends of a deque, whose
    single operations are atomic.
    """

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self._blocks: deque[tuple[int, Pcm]] = deque()
        """Where each block begins, and the block; in order and without overlap."""

    def add(self, start: int, pcm: Pcm) -> None:
        """``pcm`` is heard from ``start`` on, which isn't before the end of the block before."""
        self._blocks.append((start, pcm))

    def cut(self, end: int, fade_ms: float) -> None:
        """Nothing is heard from ``end`` on, and what is heard until then ends in a fade. Needs both ends."""
        while self._blocks and self._blocks[-1][0] >= end:
            self._blocks.pop()
        fading: list[tuple[int, Pcm]] = []
        begin = end - samples_in(self.rate, fade_ms)
        while self._blocks and self._blocks[-1][0] + self._blocks[-1][1].size > begin:
            fading.insert(0, self._blocks.pop())
        if fading:  # one block, however many the fade reaches into
            first = fading[0][0]
            whole: Pcm = np.zeros(end - first, np.int16)
            for start, pcm in fading:
                kept = pcm[: end - start]
                whole[start - first : start - first + kept.size] = kept
            self._blocks.append((first, fade_out(whole, self.rate, fade_ms)))

    def forget(self, now: int) -> None:
        """Drop the blocks that end before ``now``."""
        while self._blocks and self._blocks[0][0] + self._blocks[0][1].size <= now:
            self._blocks.popleft()

    def take(self, start: int, end: int) -> Pcm:
        """What is heard from sample ``start`` to ``end``, silence included; not given out twice."""
        heard: Pcm = np.zeros(end - start, np.int16)
        while self._blocks and self._blocks[0][0] < end:
            at, pcm = self._blocks.popleft()
            first, last = max(at, start), min(at + pcm.size, end)
            if first < last:
                heard[first - start : last - start] = pcm[first - at : last - at]
            if at + pcm.size > end:
                self._blocks.appendleft((end, pcm[end - at :]))
                break
        return heard


class Recording:
    """The file at ``path``, at the agent track's rate. Raises ``AudioError`` where it can't be written.

    Each second its header is brought up to date, so that a process that is killed leaves a valid file.
    """

    def __init__(self, path: Path, *, caller_rate: int, agent: AgentTrack) -> None:
        self.path = path
        self._writer = WavWriter(path, agent.rate, channels=2)
        self._resampler = Resampler(caller_rate, agent.rate)
        self._agent = agent
        self._offset = 0
        self._flushed = 0

    def begin(self, now: int) -> None:
        """The caller's first sample is spoken at ``now`` (ns) of the agent track's time line."""
        self._offset = now * self._agent.rate // SECOND

    def add_caller(self, pcm: Pcm) -> None:
        """The next block of the caller's side; what the agent said meanwhile goes beside it."""
        caller = self._resampler.process(pcm)
        start = self._offset + self._writer.frames
        agent = self._agent.take(start, start + caller.size)
        self._writer.write(np.stack((caller, agent), axis=1))
        if self._writer.frames - self._flushed >= self._agent.rate:
            self._flushed = self._writer.frames
            self._writer.flush()

    def close(self) -> None:
        """Complete the file; may be called twice."""
        self._writer.close()
